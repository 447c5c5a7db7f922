"""Replays recorded exchanges of a real Cells against the stand-in and says where the two differ.

Ids, tokens, hashes and content digests that the real server chose are bound to what the stand-in chose at the same place,
and substituted in later requests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from migrate.cells.sandbox import Sandbox
from migrate.cells.sandbox.signature import _key

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
MADE = re.compile(rf"(?:{UUID}|[0-9a-f]{{16}}|[0-9a-f]{{12}}|[0-9a-f]{{32}}(?:-\d+)?|[0-9a-f]{{40}})")
PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")
CONSTANTS = {"d41d8cd98f00b204e9800998ecf8427e", "59adb24ef3cdbe0297f05b395827453f", "59adb24ef3cdbe0297f05b395827453f-1",
             "00000000000000000000000000000000-1", "8d780cfbcd9622aa77011564e615065f", "ab2d386933463935f248b3a501955091",
             "6f5902ac237024bdd0c176cb93063dc4", "bf7dbba89f69a165acde1750d4c7342b"}
# Values that are times or counters of the server: only their presence is compared.
VOLATILE = {"LastUpdated", "LastConnected", "ExpireTime", "ExpiresAt", "MTime", "id", "Ts", "StartTime", "EndTime", "BuildStamp", "ID",
            "ApiSecret", "ApiKey", "ObjectsServiceName", "ObjectsPort", "grpc", "failedAt", "session_timeout", "PeerAddress", "error_description", "expires_in"}
# What the reference says to ignore: etag and mode of folders.
FOLDER_NOISE = ("Etag", "Mode")
# Lists whose order the server does not promise.
UNORDERED = {"ACLs", "Workspaces", "Namespaces", "AppearsIn", "Resources", "Metadatas", "DataSources", "RootUUIDs", "Tags", "Cells",
             "Permissions", "Policies", "PeerAddresses", "RootNodes", "subscriptions", "Jobs", "Children", "Nodes"}
# A node "as seen in any one of the caller's workspaces": which one changes from call to call on the real server.
ANY_WORKSPACE = re.compile(r"\$\.(?:RootNodes\[\d+\]|Resources\[\d+\]\.Node|Nodes\[\d+\])\.Path$")
IN_ANY_WORKSPACE = re.compile(r"\$\.(?:RootNodes\[\d+\]|Resources\[\d+\]\.Node)\.MetaStore$")
ANY_META = ("ws_root", "node_readonly")
ROOT = {"08e36c15-3b1d-4a83-8701-250e584f60ee": "admin", "37aab403-82c8-4249-855f-e603030cc6c6": "common-files",
        "3f4aba01-16b7-4413-896c-73dbcba932aa": "personal-files"}


KNOWN_BYTES = (b"", b"hello world\n", b"second content\n", b"x", b"abc", b"un\n", b"m\n", b"xx", b"pct\n")


def recordings() -> Path | None:
    """The folder with recorded answers, when it is there."""
    given = os.environ.get("SHARED_CELLS")
    for path in (Path(given) if given else None, Path(__file__).resolve().parents[3] / "shared" / "cells"):
        if path is not None and path.is_dir():
            return path
    return None


@dataclass
class Difference:
    """One place where the stand-in answers otherwise."""

    where: str
    recorded: Any
    given: Any

    def sign(self) -> str:
        """What differs, without values: stable from run to run."""
        where = re.sub(UUID, "<id>", self.where)
        if self.where == "status":
            return f"status {str(self.given)[:3]} instead of {self.recorded}"
        if self.given == "absent" or self.given is None:
            return where + " missing"
        if self.recorded in ("absent", "nothing"):
            return where + " extra"
        return where + " differs"

    def text(self) -> str:
        """Short and stable: no ids."""
        def short(value: Any) -> str:
            out = json.dumps(value, ensure_ascii=False, sort_keys=True) if not isinstance(value, str) else value
            return re.sub(r"\b\d{10}\b", "<time>", MADE.sub("<id>", out))[:160]
        return f"{self.where}: {short(self.recorded)} -> {short(self.given)}"


@dataclass
class Story:
    """A recording being replayed against one fresh stand-in."""

    name: str
    sandbox: Sandbox
    exchanges: list[dict[str, Any]]
    bound: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    cookie: str = ""
    words: set[str] = field(default_factory=set)
    pass_time: Callable[[float], None] = lambda seconds: None
    skip: Callable[[int, dict[str, Any]], str | None] = lambda i, e: None

    def __post_init__(self) -> None:
        people = self.sandbox.state
        for uuid, what in ROOT.items():
            self.bound[uuid] = self.sandbox.admin.uuid if what == "admin" else next(
                w.uuid for w in people.workspaces.values() if w.slug == what)
        self.secrets.update({"ADMIN_TOKEN": self.sandbox.token, "HOST": self.sandbox.url.partition("://")[2], "PASSWORD": "Any-passw0rd"})
        for exchange in self.exchanges:
            if "request" in exchange:
                text = unquote(exchange["request"]["path"]) + " " + json.dumps(exchange["request"].get("body"), ensure_ascii=False)
                self.words.update(re.findall(r"[^\s\"/\\,:?=&{}\[\]]+", text))

    # Substitution

    def put_in(self, text: str) -> str:
        """Recorded text with what the stand-in chose."""
        text = text.replace("127.0.0.1:8080", self.secrets["HOST"]).replace("127.0.0.1%3A8080", self.secrets["HOST"].replace(":", "%3A"))
        text = PLACEHOLDER.sub(lambda m: self.secret(m.group(1), m.group(0)), text)
        return re.sub(rf"{UUID}|\b[0-9a-f]{{8,40}}(?:-\d+)?\b", lambda m: self.bound.get(m.group(0), m.group(0)), text)

    lazy: dict[str, Callable[[], str]] = field(default_factory=dict)

    def secret(self, name: str, otherwise: str) -> str:
        """A value that the recording replaced; made when first used if nothing gave it."""
        if name not in self.secrets and name in self.lazy:
            self.secrets[name] = self.lazy[name]()
        return self.secrets.get(name, otherwise)

    def bind(self, recorded: str, given: str) -> bool:
        """Pair two values; False when the recorded one already stands for another."""
        if recorded in CONSTANTS or given in CONSTANTS:
            return recorded == given
        known = self.bound.get(recorded)
        if known is None and (recorded == given):
            return True
        if known is None:
            self.bound[recorded] = given
            if re.fullmatch(UUID, recorded):
                self.bound.setdefault(hashlib.md5(recorded.encode()).hexdigest()[:8], hashlib.md5(given.encode()).hexdigest()[:8])
                self.bound.setdefault(recorded.replace("-", "")[:16], given.replace("-", "")[:16])
            return True
        return known == given

    # Sending

    def send(self, request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """Send a recorded request; status 0 when the connection closes without an answer."""
        headers = {k: self.put_in(v) for k, v in (request.get("headers") or {}).items()}
        path = self.path_of(request["path"])
        body = self.body_of(request)
        self.sign(request, path, headers)
        if path.startswith("/a/frontend/session") and self.cookie and not _credentials(request):
            headers["Cookie"] = self.cookie
        parts = urlsplit(self.sandbox.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        try:
            foreign = headers.get("Host", "")
            connection.putrequest(request["method"], path, skip_host=bool(foreign), skip_accept_encoding=True)
            if foreign:
                connection.putheader("Host", foreign)
            for name, value in headers.items():
                if name.lower() not in ("host", "content-length"):
                    connection.putheader(name, value.encode("utf-8"))
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            data = response.read()
            got = {k.lower(): v for k, v in response.getheaders()}
            if got.get("content-encoding") == "gzip":
                import gzip
                data = gzip.decompress(data)
            return response.status, got, data
        except (TimeoutError, http.client.RemoteDisconnected, http.client.BadStatusLine, ConnectionError):
            return 0, {}, b""
        finally:
            connection.close()

    def path_of(self, path: str) -> str:
        """The path with ids put in (they may stand percent-encoded)."""
        path = self.put_in(path.replace("http://${HOST}", ""))
        return quote(path, safe="/%?&=+:;,@!$'()*~#._-{}|") if not path.isascii() else path.replace(" ", "%20")

    def body_of(self, request: dict[str, Any]) -> bytes | None:
        """The body as it was sent: JSON with blanks after colons and commas; made-up bytes of the same length for uploads."""
        body = request.get("body")
        if body is None:
            return None
        if isinstance(body, str):
            sized = re.fullmatch(r"<(\d+) bytes>", body)
            if not sized:
                return self.put_in(body).encode("utf-8", "surrogateescape")
            return self.made_bytes(request, int(sized.group(1)))
        return self.put_in(json.dumps(body, ensure_ascii=_ascii(request))).encode("utf-8")

    def made_bytes(self, request: dict[str, Any], size: int) -> bytes:
        headers = {k.lower(): v for k, v in (request.get("headers") or {}).items()}
        if headers.get("content-encoding") == "gzip":
            import gzip
            return gzip.compress(json.dumps({"Queries": [{"Login": "pa-conv"}]}).encode())
        if "uploads=" in request["path"]:
            self.parts = []
        if "uploadId=" in request["path"] and request["method"] == "POST":
            return self.complete_body()
        if request["path"].startswith("/a/"):
            return b'{"Queries":[{"Login":"pa-c\xff"}]}'
        declared = headers.get("x-amz-content-sha256", "")
        for known in KNOWN_BYTES:
            if declared == hashlib.sha256(known).hexdigest():
                return known
        if size <= 1 and not declared:
            return b"x" * size
        seed = declared or request["path"].split("?")[0].rpartition("/")[2]
        block = hashlib.sha256(seed.encode()).digest()
        return (block * (size // 32 + 1))[:size]

    def complete_body(self) -> bytes:
        parts = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag></Part>" for n, e in self.parts)
        self.parts = []
        return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()

    parts: list[tuple[int, str]] = field(default_factory=list)

    def sign(self, request: dict[str, Any], path: str, headers: dict[str, str]) -> None:
        """Checksums and signatures depend on bytes, host and token: made anew."""
        body = self.body_of(request) if "x-amz-content-sha256" in {h.lower() for h in headers} and request["method"] != "POST" else None
        for name in list(headers):
            if name.lower() == "x-amz-content-sha256" and body is not None and "does not match" not in self.step:
                headers[name] = hashlib.sha256(body).hexdigest()
            elif name.lower() == "x-amz-date":
                headers[name] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self.sandbox.state.now()))   # the server compares it with its clock
        authorization = headers.get("Authorization", "")
        if "AWS4" in authorization and "Credential=gateway/" in authorization:
            headers["Authorization"] = self.signature(request["method"], path, headers, authorization)

    def signature(self, method: str, path: str, headers: dict[str, str], authorization: str) -> str:
        found = dict(re.findall(r"(Credential|SignedHeaders)=([^,\s]+)", authorization))
        lower = {k.lower(): v for k, v in headers.items()} | {"host": self.secrets["HOST"]}
        scope = found["Credential"].split("/")[1:]
        parts = urlsplit(path)
        query = "&".join(sorted(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in parse_qsl(parts.query, keep_blank_values=True)))
        canonical = "".join(f"{n}:{' '.join(lower.get(n, '').split())}\n" for n in found["SignedHeaders"].split(";"))
        request = "\n".join((method, parts.path, query, canonical, found["SignedHeaders"], lower.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")))
        text = "\n".join(("AWS4-HMAC-SHA256", lower["x-amz-date"], "/".join(scope), hashlib.sha256(request.encode()).hexdigest()))
        made = hmac.new(_key("gatewaysecret", *scope[:3]), text.encode(), hashlib.sha256).hexdigest()
        return re.sub(r"Signature=\w+", "Signature=" + made, authorization)

    step: str = ""
    before: dict[int, list[Callable[[], object]]] = field(default_factory=dict)

    # Comparing

    def play(self) -> Iterator[tuple[int, str, list[Difference]]]:
        """Each exchange with what differs."""
        for index, exchange in enumerate(self.exchanges):
            if "request" not in exchange or "response" not in exchange or self.skip(index, exchange):
                continue
            self.step = exchange.get("step", "")
            request = self.presigned(exchange["request"])
            for extra in self.before.get(index, ()):
                extra()
            if not exchange["response"]["status"] and not (request.get("headers") or {}).get("Authorization"):
                request = {**request, "headers": {"Authorization": "Bearer ${ADMIN_TOKEN}", "Content-Type": "application/json"}}
            if request["method"] == "POST" and "uploads=" in request["path"]:
                self.parts = []
            status, headers, data = self.send(request)
            yield index, self.step, list(self.compare(exchange, status, headers, data))

    def presigned(self, request: dict[str, Any]) -> dict[str, Any]:
        """A presigned URL signed anew for this host."""
        if "X-Amz-Signature=" not in request["path"]:
            return request
        path = self.path_of(request["path"])
        parts = urlsplit(path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        signed = {k: v for k, v in query.items() if k not in ("X-Amz-Signature", "pydio_jwt")}
        scope = signed["X-Amz-Credential"].split("/")[1:]
        canonical = "&".join(sorted(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in signed.items()))
        text = "\n".join((request["method"], parts.path, canonical, f"host:{self.secrets['HOST']}\n", "host", "UNSIGNED-PAYLOAD"))
        full = "\n".join(("AWS4-HMAC-SHA256", signed["X-Amz-Date"], "/".join(scope), hashlib.sha256(text.encode()).hexdigest()))
        made = hmac.new(_key("gatewaysecret", *scope[:3]), full.encode(), hashlib.sha256).hexdigest()
        return {**request, "path": re.sub(r"X-Amz-Signature=\w+", "X-Amz-Signature=" + made, path)}

    def compare(self, exchange: dict[str, Any], status: int, headers: dict[str, str], data: bytes) -> Iterator[Difference]:
        recorded = exchange["response"]
        wanted = recorded["status"] or 0
        if status != wanted:
            yield Difference("status", wanted, f"{status} {data[:120].decode('utf-8', 'replace')}")
            return
        kept = {k.lower(): v for k, v in (recorded.get("headers") or {}).items()}
        if headers.get("set-cookie", "").startswith("pydio="):
            self.cookie = headers["set-cookie"].split(";")[0]
        if "etag" in kept and not self.bind(kept["etag"].strip('"'), headers.get("etag", "").strip('"')):
            yield Difference("header ETag", kept["etag"], headers.get("etag"))
        if "location" in kept:
            wanted_place, place = (re.sub(r"https?://[^/]+", "", t) for t in (kept["location"], headers.get("location", "")))
            if "error=" in wanted_place:
                wanted_place, place = wanted_place.split("&")[0], place.split("&")[0]
            yield from self.same("$header.location", wanted_place, place)
        part = re.search(r"partNumber=(\d+)", exchange["request"]["path"])
        if part and "etag" in headers:
            self.parts.append((int(part.group(1)), headers["etag"]))
        body = recorded.get("body")
        if isinstance(body, (dict, list)):
            try:
                given = json.loads(data)
            except ValueError:
                yield Difference("body", "JSON", data[:80].decode("utf-8", "replace"))
                return
            self.dropped = False
            yield from self.same("$", body, given)
        elif isinstance(body, str) and wanted:
            self.dropped = False
            yield from self.same_text(exchange, body, data)

    def same_text(self, exchange: dict[str, Any], recorded: str, data: bytes) -> Iterator[Difference]:
        given = data.decode("utf-8", "replace")
        path = exchange["request"]["path"]
        if "startParameters" in recorded:
            found = re.search(r"startParameters = (\{\".*\});", given)
            wanted = re.search(r"startParameters[^=]*= (\{.*)", recorded, re.DOTALL)
            try:
                told = json.loads(wanted.group(1)) if wanted else {}
            except ValueError:
                return
            if "PRELOADED_REGISTRY" in told:
                return
            yield from self.same("$page", told, json.loads(found.group(1)) if found else {})
        elif "pydio_registry" in recorded or "<repo " in recorded or recorded.startswith("[XML cut"):
            yield from self.same_registry(recorded, given)
        elif "<Code>" in recorded:
            for tag in ("Code", "Message"):
                one, two = (re.search(f"<{tag}>(.*?)</{tag}>", t, re.DOTALL) for t in (recorded, given))
                left, right = one.group(1) if one else "", two.group(1) if two else ""
                if left.partition("cause(")[0] != right.partition("cause(")[0]:
                    yield Difference("error " + tag, left, right)
        elif "<UploadId>" in recorded:
            one, two = (re.search("<UploadId>(.*?)</UploadId>", t) for t in (recorded, given))
            if one and two:
                self.bind(one.group(1), two.group(1))
            else:
                yield Difference("UploadId", recorded[:80], given[:80])
        elif recorded.lstrip().startswith("<") and not recorded.startswith("<a "):
            shape = [re.findall(r"<(\w+)", t)[:3] for t in (recorded, given)]
            div = [re.search(r"<div>(.*?)</div>", t) for t in (recorded, given)]
            if div[0] and (not div[1] or div[0].group(1).split()[:3] != div[1].group(1).split()[:3]):
                yield Difference("sentence", div[0].group(1), div[1].group(1) if div[1] else given[:60])
            elif not given.lstrip().startswith("<"):
                yield Difference("markup", shape[0], given[:60])
        elif path.startswith(("/io/", "/data/", "/dav/")) and exchange["request"]["method"] == "GET" and recorded:
            if len(recorded.encode()) != len(data) and "characters" not in recorded:
                yield Difference("length", len(recorded.encode()), len(data))
        elif recorded.startswith("<a href"):
            if not given.startswith("<a href"):
                yield Difference("text", recorded[:60], given[:60])
        elif re.sub(r'", "', '","', self.put_in(recorded).strip()) != re.sub(r'", "', '","', given.strip()):
            yield Difference("text", recorded[:100], given[:100])

    def same_registry(self, recorded: str, given: str) -> Iterator[Difference]:
        wanted = re.findall(r"<repo [^>]*>", recorded)
        if "none]" in recorded:
            slug = re.search(r'repositorySlug="([^"]+)"', recorded)
            if slug and f'repositorySlug="{slug.group(1)}"' in given:
                yield Difference("registry", "not listed", slug.group(1))
        for repo in wanted:
            told = dict(re.findall(r'(\w+)="([^"]*)"', self.put_in(repo)))
            shown = next((dict(re.findall(r'(\w+)="([^"]*)"', r)) for r in re.findall(r"<repo [^>]*>", given)
                          if f'repositorySlug="{told.get("repositorySlug")}"' in r), {})
            for name in ("acl", "repository_type", "id"):
                if told.get(name) != shown.get(name):
                    yield Difference(f"registry {name}", told.get(name), shown.get(name))

    def foreign(self, value: Any) -> bool:
        """Whether a recorded list element belongs to another story told on the same server."""
        if not isinstance(value, dict):
            return False
        names = [str(value[k]) for k in ("Uuid", "UUID", "Slug", "Login", "Name", "Namespace", "NodeUuid", "ObjectId", "GroupLabel", "Label", "WsSlug")
                 if value.get(k)]
        inner = value.get("Node") or value.get("Action")
        if isinstance(inner, dict) and value.get("Node"):
            names.append(str(inner.get("Uuid", "")))
        names += [str(value[k]) for k in ("RoleID", "WorkspaceID", "NodeID") if value.get(k)]
        if value.get("NodeUuid"):
            return value["NodeUuid"] not in self.bound
        if re.match(r"p[abcd]\d?-", value.get("Path", "")) and value["Path"].split("/")[0] not in self.words:
            return True
        if any(re.match(r"p[abcd]\d?-", p) and p not in self.words for p in value.get("Path", "").split("/")):
            return True
        workspace = value.get("WorkspaceID", "")
        if "RoleID" in value and workspace and workspace not in self.words and workspace not in self.bound and workspace != "homepage":
            return True
        if value.get("Path"):
            names += value["Path"].split("/")
        known = {"admin", "ADMINS", "EXTERNAL_USERS", "MINISITE", "MINISITE_NODOWNLOAD", "ROOT_GROUP", "common-files", "personal-files",
                 "usermeta-tags", "pydiods1", "personal", "cellsdata", "thumbnails", "versions", "binaries"}
        return bool(names) and not any(n in self.bound or n in self.words or n in known for n in names)

    def same(self, where: str, recorded: Any, given: Any) -> Iterator[Difference]:
        if recorded == "[cut]":
            return
        name = re.split(r"[.\[]", where.rstrip("]"))[-1]
        if name in VOLATILE and where.count(".") and not isinstance(recorded, (dict, list)):
            if name in ("ID",) and isinstance(recorded, str) and isinstance(given, str):
                self.bound.setdefault(recorded, given) if MADE.fullmatch(recorded) else None
            return
        if isinstance(recorded, dict) and isinstance(given, dict):
            yield from self.same_object(where, recorded, given)
        elif isinstance(recorded, list) and isinstance(given, list):
            yield from self.same_list(where, name, recorded, given)
        elif isinstance(recorded, str) and isinstance(given, str):
            if not self.same_string(where, recorded, given):
                yield Difference(where, self.put_in(recorded), given)
        elif recorded != given:
            yield Difference(where, recorded, given)

    def same_object(self, where: str, recorded: dict[str, Any], given: dict[str, Any]) -> Iterator[Difference]:
        if recorded.get("Uuid") == given.get("Uuid") == "ROOT_GROUP" and recorded.get("Label") == "Group " and self.name != "groups":
            return   # damaged on the recording server by the story of groups, told at the same time
        folder = recorded.get("Type") == "COLLECTION"
        renamed = {self.put_in(k): (k, v) for k, v in recorded.items()}
        if len(renamed) == 1 and len(given) == 1 and not set(renamed) & set(given):
            (old, (raw, _)), new = next(iter(renamed.items())), next(iter(given))
            if MADE.fullmatch(raw) and MADE.fullmatch(new) and self.bind(raw, new):
                renamed = {new: renamed[old]}
        skipped = set()
        for key in sorted(set(renamed) - set(given)):
            value = renamed[key][1]
            if isinstance(value, list) and value and all(self.foreign(v) for v in value):
                self.dropped = True
                skipped.add(key)
                continue
            if (folder and key in FOLDER_NOISE) or self.foreign_key(renamed[key][0]) or (key == "Total" and self.dropped):
                skipped.add(key)
                continue
            if key in ANY_META and IN_ANY_WORKSPACE.match(where):
                continue
            yield Difference(f"{where}.{key}", renamed[key][1], "absent")
        for key in sorted(set(given) - set(renamed)):
            if key in ANY_META and IN_ANY_WORKSPACE.match(where):
                continue
            if not (folder and key in FOLDER_NOISE) and not (key == "Total" and self.dropped):
                yield Difference(f"{where}.{key}", "absent", given[key])
        order = sorted(set(renamed) & set(given), key=lambda k: (k not in ("Uuid", "UUID"), k == "Total", k))
        for key in order:
            if folder and key in FOLDER_NOISE:
                continue
            if key == "Total" and self.dropped:
                continue
            yield from self.same(f"{where}.{key}", renamed[key][1], given[key])

    dropped: bool = False

    def foreign_key(self, key: str) -> bool:
        return MADE.fullmatch(key) is not None and key not in self.bound or (re.match(r"p[abcd]\d?-", key) is not None and key not in self.words)

    def same_list(self, where: str, name: str, recorded: list[Any], given: list[Any]) -> Iterator[Difference]:
        mine = [r for r in recorded if not self.foreign(r)]
        if len(mine) != len(recorded):
            self.dropped = True
            if mine and len(mine) != len(given):
                yield from self.matched(where, mine, given)
                return
        recorded = mine
        if name in UNORDERED or self.dropped:
            yield from self.matched(where, recorded, given)
            return
        if len(recorded) != len(given):
            yield Difference(where + " length", len(recorded), f"{len(given)} {json.dumps(given, ensure_ascii=False)[:60]}")
            return
        for position, (left, right) in enumerate(zip(recorded, given, strict=True)):
            yield from self.same(f"{where}[{position}]", left, right)

    def matched(self, where: str, recorded: list[Any], given: list[Any]) -> Iterator[Difference]:
        """Compare without regard to order: each recorded element with the best of the given ones."""
        left_over = list(given)
        for position, left in enumerate(recorded):
            best, differences, bindings = None, None, None
            for right in left_over:
                before = dict(self.bound)
                found = list(self.same(f"{where}[{position}]", left, right))
                if differences is None or len(found) < len(differences):
                    best, differences, bindings = right, found, dict(self.bound)
                self.bound = before
                if not found:
                    break
            if best is None:
                yield Difference(f"{where}[{position}]", left, "absent")
                continue
            self.bound = bindings or self.bound
            left_over.remove(best)
            yield from differences or ()
        if left_over and not self.dropped:
            yield Difference(where + " more", "nothing", left_over[:2])

    def same_string(self, where: str, recorded: str, given: str) -> bool:
        if ANY_WORKSPACE.search(where) and recorded.split("/")[-1:] == given.split("/")[-1:]:
            return True
        if ANY_WORKSPACE.search(where) and (recorded.endswith("/") or given.endswith("/")):
            return True
        if where.endswith("workspaces_shares"):
            return True
        whole = PLACEHOLDER.fullmatch(recorded)
        if whole:
            self.secrets.setdefault(whole.group(1), given)
            self.secrets[whole.group(1)] = given
            return True
        if recorded in ("[cut]",):
            return True
        if self.put_in(recorded) == given:
            return True
        if MADE.fullmatch(recorded) and MADE.fullmatch(given):
            return self.bind(recorded, given)
        quoted = re.fullmatch(r'"([0-9a-f-]+)"', recorded), re.fullmatch(r'"([0-9a-f-]+)"', given)
        if quoted[0] and quoted[1]:
            return self.bind(quoted[0].group(1), quoted[1].group(1))
        pattern = re.compile(rf"{UUID}|\$\{{[^}}]+\}}|[0-9a-f]{{12,40}}")
        if pattern.search(recorded):
            shape = "(.+?)".join(re.escape(p) for p in pattern.split(self.put_known(recorded)))
            found = re.fullmatch(shape, given, re.DOTALL)
            if found:
                for old, new in zip(pattern.findall(self.put_known(recorded)), found.groups(), strict=True):
                    if old.startswith("${"):
                        self.secrets[old[2:-1]] = new
                    elif not self.bind(old, new):
                        return False
                return True
        return _text_shape(recorded) == _text_shape(given)

    def put_known(self, text: str) -> str:
        return text


def _text_shape(text: str) -> str:
    """Error texts without what only a database knows."""
    text = re.sub(r"Duplicate entry '[^']*'", "Duplicate entry ''", text)
    return re.sub(r"127\.0\.0\.1\|\w+", "<peer>", text)


def _credentials(request: dict[str, Any]) -> bool:
    body = request.get("body")
    info = (body or {}).get("AuthInfo", {}) if isinstance(body, dict) else {}
    return info.get("type") == "credentials"


def _ascii(request: dict[str, Any]) -> bool:
    return True


def basic(login: str, password: str) -> str:
    """Value of a Basic header."""
    return base64.b64encode(f"{login}:{password}".encode()).decode()
