"""A Cells server to test against: the stand-in, or a real one named by CELLS_URL and CELLS_TOKEN. Only own objects, all removed afterwards."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import boto3
import requests
from botocore.config import Config

PASSWORD = "Contract-pw-1é"


@dataclass
class Target:
    """One server, with a random prefix for everything made on it."""

    url: str
    token: str
    real: bool
    prefix: str = field(default_factory=lambda: "ct" + secrets.token_hex(4))
    undo: list[Callable[[], object]] = field(default_factory=list)
    folder_ready: bool = False

    def __post_init__(self) -> None:
        self.http = requests.Session()
        self.http.trust_env = False

    # Calls

    def call(self, method: str, path: str, body: Any = None, token: str | None = "", **headers: str) -> requests.Response:
        """A REST call as the administrator, as `token`, or (None) as nobody."""
        if token is not None:
            headers["Authorization"] = "Bearer " + (token or self.token)
        return self.http.request(method, self.url + path, json=body, headers=headers, timeout=60, allow_redirects=False)

    def ok(self, method: str, path: str, body: Any = None, token: str = "") -> dict[str, Any]:
        """A call that must give JSON and 200."""
        response = self.call(method, path, body, token)
        assert response.status_code == 200, f"{method} {path}: {response.status_code} {response.text[:300]}"
        assert response.headers.get("Content-Type", "").startswith("application/json"), f"{method} {path}: {response.text[:80]}"
        return response.json()

    def s3(self, token: str = "") -> Any:
        """An S3 client whose access key is a token."""
        return boto3.client("s3", endpoint_url=self.url, aws_access_key_id=token or self.token, aws_secret_access_key="gatewaysecret",
                            region_name="us-east-1", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, proxies={}))

    def close(self) -> None:
        """Remove what was made, the last first."""
        for step in reversed(self.undo):
            step()
        self.undo.clear()
        self.http.close()

    # Things to make

    def name(self, what: str) -> str:
        """A name of our own."""
        return f"{self.prefix}-{what}"

    def user(self, what: str, **fields: Any) -> dict[str, Any]:
        """A user; removed at the end."""
        login = self.name(what)
        self.undo.append(lambda: self.call("DELETE", "/a/user/" + login))
        body = {"Login": login, "Password": PASSWORD, "GroupPath": "/", "Attributes": {"profile": "standard"}, **fields}
        return self.ok("PUT", "/a/user/" + login, body)

    def session(self, login: str, password: str = PASSWORD, **headers: str) -> requests.Response:
        """Sign in."""
        return self.http.post(self.url + "/a/frontend/session", json={"AuthInfo": {"type": "credentials", "login": login, "password": password}},
                              headers=headers, timeout=60)

    def token_of(self, login: str) -> str:
        """The token of a new session."""
        response = self.session(login)
        assert response.status_code == 200, response.text
        return response.json()["JWT"]

    def role(self, what: str, **fields: Any) -> str:
        """A role; its id."""
        uuid = self.name(what)
        self.undo.append(lambda: self.call("DELETE", "/a/role/" + uuid))
        self.ok("PUT", "/a/role/" + uuid, {"Uuid": uuid, "Label": uuid, **fields})
        return uuid

    def folder(self, path: str = "") -> dict[str, Any]:
        """A folder of our own in common-files (raw tree), by its node."""
        base = "common-files/" + self.prefix
        if not self.folder_ready:
            self.folder_ready = True
            self.undo.append(lambda: self.call("POST", "/a/tree/delete", {"Nodes": [{"Path": base}], "RemovePermanently": True}))
        full = base + ("/" + path if path else "")
        self.ok("POST", "/a/tree/create", {"Nodes": [{"Path": full, "Type": "COLLECTION"}], "Recursive": True})
        return self.ok("POST", "/a/tree/admin/stat", {"Node": {"Path": full.replace("common-files", "pydiods1", 1)}})["Node"]

    def workspace(self, what: str, root: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """A workspace over a node."""
        slug = self.name(what)
        self.undo.append(lambda: self.call("DELETE", "/a/workspace/" + slug))
        body = {"UUID": slug, "Label": slug, "Slug": slug, "Scope": "ADMIN", "RootNodes": {root["Uuid"]: {"Uuid": root["Uuid"], "Path": root["Path"]}},
                **fields}
        return self.ok("PUT", "/a/workspace/" + slug, body)

    def grant(self, role: str, workspace: str, node: str, *actions: str) -> None:
        """ACLs; removed at the end."""
        for action in actions:
            acl = {"NodeID": node, "RoleID": role, "Action": {"Name": action, "Value": "1"}}
            if workspace:
                acl["WorkspaceID"] = workspace
            self.ok("PUT", "/a/acl", acl)
            self.undo.append(lambda acl=acl: self.call("POST", "/a/acl/bulk/delete", acl))

    def stat(self, path: str, token: str = "") -> int:
        """Status of a stat."""
        return self.call("GET", "/a/tree/stat/" + quote(path), token=token).status_code

    def eventually(self, question: Callable[[], bool], seconds: float = 12.0) -> bool:
        """Ask until it is so; rights and indexes of a real server need a moment."""
        end = time.monotonic() + (seconds if self.real else 0.5)
        while not question():
            if time.monotonic() > end:
                return False
            time.sleep(0.3 if self.real else 0.02)
        return True


def cells_hash(data: bytes) -> str:
    """`x-cells-hash` of some bytes."""
    out = hashlib.md5()
    block = 10 * 1024 * 1024
    for start in range(0, max(len(data), 1), block):
        out.update(hashlib.md5(data[start:start + block]).digest())
    return out.hexdigest()
