"""Bytes in and out: the S3 gateway at `/io` and `/data`. Keys are `<slug>/<path>`."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import secrets
import time
import zipfile
from collections.abc import Iterable
from datetime import datetime, timezone
from email.utils import formatdate
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from migrate.cells.sandbox import content, signature, tree
from migrate.cells.sandbox.access import compile_access, locate, rights
from migrate.cells.sandbox.answers import Answer, Failure, Plain, text, web_client
from migrate.cells.sandbox.nodes import FILE, Node, add_node, drop_node, make_folders, nfc
from migrate.cells.sandbox.router import Call
from migrate.cells.sandbox.s3_bodies import listed_parts
from migrate.cells.sandbox.session import verify
from migrate.cells.sandbox.state import Person

if TYPE_CHECKING:
    from migrate.cells.sandbox.server import Sandbox

GATEWAY_KEY, GATEWAY_SECRET = "gateway", "gatewaysecret"   # the fixed public pair of every Cells gateway, no secret of anybody
BUCKETS = ("io", "data")
OWNER = "02d6176db174dc93cb1b899f7c6078f08654445fe8cf1b6ce98d8855f66bdbf4"
_NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
MESSAGES = {
    "NoSuchKey": (404, "The specified key does not exist."),
    "AccessDenied": (403, "Access Denied."),
    "InvalidDigest": (400, "The Content-Md5 you specified is not valid."),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "XMinioBackendDown": (503, "Object storage backend is unreachable"),
    "NoSuchUpload": (404, "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
                          "or completed."),
    "XMinioParentIsObject": (400, "Object-prefix is already an object, please choose a different object-prefix name."),
    "SignatureDoesNotMatch": (403, "The request signature we calculated does not match the signature you provided. Check your key and "
                                   "signing method."),
    "RequestTimeTooSkewed": (403, "The difference between the request time and the server's time is too large."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "InvalidPart": (400, "One or more of the specified parts could not be found."),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed object size."),
}


class Refused(Exception):
    """An S3 error."""

    def __init__(self, code: str, cause: str = "", status: int | None = None) -> None:
        known = MESSAGES.get(code, (500, f"We encountered an internal error, please try again.: cause({cause})"))
        self.code, self.status, self.message = code, status or known[0], known[1]
        super().__init__(code)


class Request:
    """One S3 request: who, which key, with what."""

    def __init__(self, sandbox: Sandbox, method: str, raw_path: str, bucket: str, key: str, query: dict[str, str], headers: dict[str, str],
                 stored: content.Stored | None) -> None:
        self.sandbox, self.state = sandbox, sandbox.state
        self.method, self.raw_path, self.bucket, self.key = method, raw_path, bucket, nfc(key)
        self.query, self.headers, self.stored = query, headers, stored

    def error(self, refused: Refused) -> Answer:
        """The XML of an error."""
        where = "" if self.state.profile == "3.0.9" else f"<Key>{escape(self.key)}</Key><BucketName>{self.bucket}</BucketName>"
        body = (f"{_HEAD}<Error><Code>{refused.code}</Code><Message>{escape(refused.message)}</Message>{where}"
                f"<Resource>/{self.bucket}/{escape(self.key)}</Resource><RequestId>{secrets.token_hex(8).upper()}</RequestId>"
                f"<HostId>sandbox</HostId></Error>")
        return text(refused.status, body, "application/xml")

    def person(self) -> tuple[Person, str]:
        """Who asks, and the token; raises Refused."""
        authorization = self.headers.get("authorization", "")
        found = re.search(r"Credential=([^/]+)/", authorization)
        credential = found.group(1) if found else self.query.get("X-Amz-Credential", "").split("/")[0]
        if not credential and authorization.startswith("Bearer"):
            raise Plain(text(401, "Authentication failed, check your access credentials"))
        if not credential:
            raise Refused("AccessDenied")
        if found and signature.skewed(self.headers.get("x-amz-date", ""), self.state.now()):
            raise Refused("RequestTimeTooSkewed")
        token = credential
        if credential == GATEWAY_KEY:
            if not signature.verified(self.method, self.raw_path, self.query, self.headers, GATEWAY_SECRET):
                raise Refused("SignatureDoesNotMatch")
            token = self.headers.get("x-pydio-bearer") or self.query.get("pydio_jwt", "")
            if not token:
                raise Refused("NoSuchKey")
        known = verify(self.state, token)
        if known is None:
            raise Refused("AccessDenied")
        return known[1], token

    def handle(self) -> Answer:
        """The answer."""
        try:
            return self._handle()
        except Refused as refused:
            return self.error(refused)
        except Failure as failure:  # of the index
            return self.error(Refused("InternalError", failure.title))

    def _handle(self) -> Answer:
        person, _ = self.person()
        if not self.key:
            return self._bucket(person)
        if self.method == "POST" and "uploads" in self.query:
            return self._initiate(person)
        if "uploadId" in self.query:
            return {"PUT": self._part, "POST": self._complete, "DELETE": self._abort, "GET": self._parts}[self.method](person)
        handler = {"PUT": self._put, "GET": self._get, "HEAD": self._get, "DELETE": self._delete}.get(self.method)
        if handler is None:
            raise Refused("MethodNotAllowed")
        return handler(person)

    def _place(self, person: Person, key: str | None = None):  # noqa: ANN202 - (Access, Place)
        access = compile_access(self.state, person)
        place = locate(self.state, access, self.key if key is None else key)
        if place is None or place.start is None:
            raise Refused("NoSuchKey")
        return access, place

    def _writable(self, person: Person, size: int):  # noqa: ANN202 - (Access, Place)
        access, place = self._place(person)
        node = place.start
        assert node is not None
        for part in place.rest.strip("/").split("/") if place.rest.strip("/") else ():
            if part not in node.children:
                break
            node = node.children[part]
        mask = rights(access, place, node)
        if not mask:
            raise Refused("NoSuchKey")
        if "write" not in mask:
            raise Refused("AccessDenied")
        self._check_names(place.start, place.rest)
        existing = place.node
        if existing is not None:
            owner = tree.lock_owner(self.state, existing)
            if owner and owner != person.name:
                raise Refused("AccessDenied")
        quota = access.quotas.get((place.workspace.uuid, place.virtual or place.start.uuid), "")
        if quota.isdigit() and place.start.total + size > int(quota):
            raise Refused("InternalError", "quota.exceeded: your allowed quota is reached", 422 if self.state.profile == "5" else 500)
        return access, place

    def _check_names(self, start: Node, rest: str) -> None:
        source = self.state.sources[start.source]
        node: Node | None = start
        parts = rest.strip("/").split("/")
        for position, part in enumerate(parts):
            if len(part) > 255 or (not source.flat and (len(part.encode()) > 255 or "\0" in part)):
                raise Refused("InternalError", "Object name cannot be longer than 255 characters")
            if part == ".pydio" or (part.endswith(".pydio") and position == len(parts) - 1):
                raise Refused("InternalError", "Object name cannot be empty")
            node = node.children.get(part) if node is not None else None
            if node is not None and not node.is_folder and position < len(parts) - 1 and not source.flat:
                raise Refused("XMinioParentIsObject")
        if not source.flat and len(rest.encode()) > 1024:
            raise Refused("InternalError", "Object name is too long")
        if node is not None and node.is_folder:
            if not source.flat:
                node.etag, node.content_hash = "", hashlib.md5(secrets.token_bytes(8)).hexdigest()
            else:
                node.etag = "-1"
            raise Refused("InternalError", "net/http: HTTP/1.x transport connection broken: http: ContentLength with Body length 36",
                          409 if self.state.profile == "5" else 503 if self.state.profile == "3.0.9" else 500)

    def _check_body(self) -> content.Stored:
        stored = self.stored or content.store(self.state.content, [])
        declared = self.headers.get("x-amz-content-sha256", "")
        md5 = self.headers.get("content-md5")
        bad = re.fullmatch(r"[0-9a-f]{64}", declared) is not None and declared != stored.sha256
        if md5 and base64.b64decode(md5) != bytes.fromhex(stored.md5):
            bad = True
        if bad:
            stored.path.unlink(missing_ok=True)
            raise Refused("XMinioBackendDown")
        return stored

    def _put(self, person: Person) -> Answer:
        if "x-amz-copy-source" in self.headers:
            return self._copy(person)
        stored = self._check_body()
        _, place = self._writable(person, stored.size)
        node = tree.put_content(self.state, place.start, place.rest.strip("/"), stored, "binary/octet-stream", multipart=False)
        etag = node.etag if self.state.sources[node.source].flat and stored.size else stored.md5 if stored.size else tree.EMPTY_ETAG
        return Answer(200, headers={"ETag": f'"{etag}"'})

    def _copy(self, person: Person) -> Answer:
        source_key = unquote(self.headers["x-amz-copy-source"]).lstrip("/").partition("/")[2]
        _, place = self._writable(person, 0)
        if self.state.sources[place.start.source].flat:
            raise Refused("InternalError", "Object name cannot be empty")
        access, source_place = self._place(person, source_key)
        node = source_place.node
        if node is None or node.is_folder or "read" not in rights(access, source_place, node):
            raise Refused("NoSuchKey")
        stored = content.store(self.state.content, content.read_chunks(node.content) if node.content else [])
        tree.put_content(self.state, place.start, place.rest.strip("/"), stored, node.mime, multipart=False)
        return text(200, f"{_HEAD}<CopyObjectResult {_NS}><LastModified>{time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime())}</LastModified>"
                    f"<ETag>&#34;{stored.md5}&#34;</ETag></CopyObjectResult>", "application/xml", {"ETag": f'"{stored.md5}"'})

    def _archive(self, person: Person) -> Answer:
        """`<folder>.zip`: the folder as an archive; an empty one when there is no such folder."""
        access, place = self._place(person, self.key[:-4])
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            folder = place.node
            for node in folder.walk() if folder is not None and folder.is_folder and "read" in rights(access, place, folder) else ():
                if not node.is_folder and node.content is not None and not node.name.startswith("."):
                    archive.write(node.content, node.path[len(folder.path):].lstrip("/"))
        return Answer(200, out.getvalue(), "application/zip")

    def _readable(self, person: Person) -> Node:
        access, place = self._place(person)
        node = place.node if "\\" not in self.key else None
        if node is None:
            raise Refused("NoSuchKey")
        mask = rights(access, place, node)
        if not mask:
            raise Refused("NoSuchKey")
        if "read" not in mask:
            raise Refused("AccessDenied")
        if node.is_folder:
            raise Refused("InternalError", "S3 API Cannot send object info for folder")
        return node

    def _get(self, person: Person) -> Answer:
        if self.key.endswith(".zip") and self._place(person)[1].node is None:
            return self._archive(person)
        node = self._readable(person)
        start, length, status = 0, node.size, 200
        headers = {"ETag": f'"{node.etag}"', "Last-Modified": formatdate(node.mtime, usegmt=True), "Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("range", ""))
        if wanted and (wanted.group(1) or wanted.group(2)):
            first = int(wanted.group(1)) if wanted.group(1) else max(0, node.size - int(wanted.group(2)))
            last = min(int(wanted.group(2)) if wanted.group(1) and wanted.group(2) else node.size - 1, node.size - 1)
            if first >= node.size or last < first:
                raise Refused("InvalidRange")
            start, length, status = first, last - first + 1, 206
            headers["Content-Range"] = f"bytes {first}-{last}/{node.size}"
        from migrate.cells.sandbox.links import count_download
        if self.method == "GET" and start == 0 and not count_download(self.state, person):
            raise Refused("AccessDenied")
        kind = "application/octet-stream" if self.method == "HEAD" or self.state.profile == "3.0.9" else "binary/octet-stream"
        return Answer(status, b"", kind, headers, file=node.content, start=start, length=length)

    def _delete(self, person: Person) -> Answer:
        access, place = self._place(person)
        node = place.node
        if node is not None:
            if "write" not in rights(access, place, node):
                raise Refused("AccessDenied")
            drop_node(self.state, node)
        return Answer(204)

    # Listing

    def _bucket(self, person: Person) -> Answer:
        if self.method in ("GET", "HEAD") and "location" in self.query:
            return text(200, f"{_HEAD}<LocationConstraint {_NS}>us-east-1</LocationConstraint>", "application/xml")
        if self.method == "HEAD":
            return Answer(200)
        if "uploads" in self.query:
            if self.state.profile == "3.0.9":
                raise Refused("InternalError", "")
            return text(200, f"{_HEAD}<ListMultipartUploadsResult {_NS}><Bucket>{self.bucket}</Bucket><KeyMarker></KeyMarker><UploadIdMarker>"
                        "</UploadIdMarker><NextKeyMarker></NextKeyMarker><NextUploadIdMarker></NextUploadIdMarker><Delimiter></Delimiter>"
                        "<Prefix></Prefix><MaxUploads>0</MaxUploads><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>",
                        "application/xml")
        if self.method != "GET":
            raise Refused("MethodNotAllowed")
        prefix = self.query.get("prefix", "")
        try:
            folder = self._place(person, prefix)[1].node
        except Refused:  # no such workspace: an empty list
            folder = None
        contents, prefixes = [], []
        for child in folder.sorted_children() if folder is not None else ():
            key = prefix.rstrip("/") + "/" + child.name
            if child.is_folder:
                prefixes.append(f"<CommonPrefixes><Prefix>{escape(key)}/</Prefix></CommonPrefixes>")
            else:
                stamp = datetime.fromtimestamp(child.mtime, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
                contents.append(f"<Contents><Key>{escape(key)}</Key><LastModified>{stamp}</LastModified><ETag>&#34;{child.etag}&#34;</ETag>"
                                f"<Size>{child.size}</Size><Owner><ID>{OWNER}</ID><DisplayName></DisplayName></Owner>"
                                "<StorageClass>STANDARD</StorageClass></Contents>")
        count = len(contents) + len(prefixes)
        return text(200, f"{_HEAD}<ListBucketResult {_NS}><Name>{self.bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{count}</KeyCount>"
                    f"<MaxKeys>4500</MaxKeys><Delimiter>{escape(self.query.get('delimiter', ''))}</Delimiter><IsTruncated>false</IsTruncated>"
                    + "".join(contents) + "".join(prefixes) + "</ListBucketResult>", "application/xml")

    # Multipart

    def _initiate(self, person: Person) -> Answer:
        _, place = self._writable(person, 0)
        upload = self.state.new_uuid()
        parent_path, _, name = place.rest.strip("/").rpartition("/")
        parent, _ = make_folders(self.state, place.start, parent_path)
        node, new = parent.children.get(name), False
        if node is None:
            structured = not self.state.sources[parent.source].flat
            node, new = add_node(self.state, parent, name, FILE, mode=0o777 if structured else 0), True
            node.settles = float("inf")
        self.state.uploads[upload] = {"person": person.uuid, "key": self.key, "node": node, "new": new, "parts": {}, "start": place.start,
                                      "rest": place.rest.strip("/")}
        return text(200, f"{_HEAD}<InitiateMultipartUploadResult {_NS}><Bucket>{self.bucket}</Bucket><Key>{escape(self.key)}</Key>"
                    f"<UploadId>{upload}</UploadId></InitiateMultipartUploadResult>", "application/xml")

    def _upload(self) -> dict:
        upload = self.state.uploads.get(self.query["uploadId"])
        if upload is None or upload["key"] != self.key:
            raise Refused("NoSuchUpload", status=500 if self.state.profile == "3.0.9" and self.method == "PUT" else None)
        return upload

    def _part(self, person: Person) -> Answer:
        upload = self._upload()
        if "content-md5" in self.headers:
            raise Refused("InvalidDigest")  # 4.1 hands it on in another form than its storage reads
        stored = self._check_body()
        number = int(self.query.get("partNumber", "0"))
        old = upload["parts"].get(number)
        if old is not None:
            old.path.unlink(missing_ok=True)
        upload["parts"][number] = stored
        return Answer(200, headers={"ETag": f'"{stored.md5}"'})

    def _parts(self, person: Person) -> Answer:
        upload = self._upload()
        parts = "".join(f"<Part><PartNumber>{n}</PartNumber><LastModified>{time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime())}</LastModified>"
                        f"<ETag>&#34;{p.md5}&#34;</ETag><Size>{p.size}</Size></Part>" for n, p in sorted(upload["parts"].items()))
        return text(200, f"{_HEAD}<ListPartsResult {_NS}><Bucket>{self.bucket}</Bucket><Key>{escape(self.key)}</Key>"
                    f"<UploadId>{self.query['uploadId']}</UploadId><Initiator><ID>{OWNER}</ID><DisplayName>{OWNER}</DisplayName></Initiator>"
                    f"<Owner><ID>{OWNER}</ID><DisplayName>{OWNER}</DisplayName></Owner><StorageClass>STANDARD</StorageClass>"
                    f"<PartNumberMarker>0</PartNumberMarker><NextPartNumberMarker>0</NextPartNumberMarker><MaxParts>1000</MaxParts>"
                    f"<IsTruncated>false</IsTruncated>{parts}</ListPartsResult>", "application/xml")

    def _complete(self, person: Person) -> Answer:
        upload = self._upload()
        body = b"".join(content.read_chunks(self.stored.path)) if self.stored else b""
        wanted = [(int(n), e.strip('"')) for n, e in listed_parts(body.decode("utf-8", "replace"))]
        parts = []
        for number, etag in wanted or [(n, p.md5) for n, p in sorted(upload["parts"].items())]:
            part = upload["parts"].get(number)
            if part is None or part.md5 != etag:
                raise Refused("InvalidPart")
            parts.append(part)
        if any(p.size < 5 * 1024 * 1024 for p in parts[:-1]):
            raise Refused("EntityTooSmall")
        joined = content.store(self.state.content, _joined(parts))
        combined = hashlib.md5(b"".join(bytes.fromhex(p.md5) for p in parts)).hexdigest()
        etag = f"{combined}-{len(parts)}"
        aligned = all(p.size % content.BLOCK == 0 for p in parts[:-1])
        node = tree.put_content(self.state, upload["start"], upload["rest"], joined, "application/octet-stream", multipart=True, etag=etag,
                                cells_hash="" if aligned else combined)
        self._forget(upload)
        return Answer(200, (f"{_HEAD}<CompleteMultipartUploadResult {_NS}><Location>{self.sandbox.seen_url(self.headers)}/{self.bucket}/"
                            f"{quote(self.key)}</Location><Bucket>{self.bucket}</Bucket><Key>{escape(self.key)}</Key>"
                            f"<ETag>&#34;{etag}&#34;</ETag></CompleteMultipartUploadResult>").encode(), "application/xml",
                      {"ETag": f'"{etag}"'} if node else {})

    def _abort(self, person: Person) -> Answer:
        upload = self._upload()
        self._forget(upload)
        if upload["new"]:
            drop_node(self.state, upload["node"])
        return Answer(204)

    def _forget(self, upload: dict) -> None:
        for part in upload["parts"].values():
            part.path.unlink(missing_ok=True)
        self.state.uploads.pop(self.query["uploadId"], None)


def _joined(parts: list[content.Stored]) -> Iterable[bytes]:
    for part in parts:
        yield from content.read_chunks(part.path)


def handle(call: Call, bucket: str, key: str, raw_path: str, stored: content.Stored | None) -> Answer:
    """The answer to a gateway request."""
    if bucket not in BUCKETS:
        return web_client()
    try:
        return Request(call.sandbox, call.method, raw_path, bucket, key, call.query, call.headers, stored).handle()
    except Failure as failure:
        return failure.answer()
    except Plain as plain:
        return plain.answer
