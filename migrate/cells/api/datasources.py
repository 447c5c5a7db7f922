"""Data sources, the disks of the server they may lie on, and virtual roots."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from migrate.cells.conventions import DATA_SOURCE_NAME
from migrate.cells.errors import NotFound, RefusedToSend
from migrate.cells.models import DataSource, Node
from migrate.cells.session import Session
from migrate.cells.shapes import data_source_of, node_of, objects


def _path(name: str, method: str) -> str:
    if not DATA_SOURCE_NAME.match(name):
        raise RefusedToSend(method=method, path="/a/config/datasource", status=0, reason="a data source name is 1 to 33 of 0-9 and a-z")
    return "/a/config/datasource/" + name


def list_data_sources(session: Session) -> list[DataSource]:
    """All data sources, by name. `GET /a/config/datasource` (administrators only)."""
    answer = session.get("/a/config/datasource")
    return sorted((data_source_of(value) for value in objects(answer, "DataSources")), key=lambda source: source.name)


def get_data_source(session: Session, name: str) -> DataSource | None:
    """One data source; None when there is none. `GET /a/config/datasource/{Name}`."""
    try:
        return data_source_of(session.get(_path(name, "GET")))
    except NotFound:
        return None


def create_data_source(session: Session, source: DataSource, *, make_folder: bool = False, read_only: bool = False) -> None:
    """Add a data source on a disk of the server. `POST /a/config/datasource/{Name}`.

    200 comes before any service runs: wait for job `resync-ds-<name>` (structured) and for the root to be listed. In place
    (`flat=False`) Cells writes `.pydio` into every folder and `.minio.sys` into the parent, which must be writable, unless
    `read_only` (which gives no hashes and forbids nothing). Errors are 500 on 4.x with a clear reason (nested, not found)."""
    path = _path(source.name, "POST")
    if not source.folder or not source.peer:
        raise RefusedToSend(method="POST", path=path, status=0, reason="folder and peer are needed")
    settings = {"folder": source.folder, "normalize": "false"}
    if make_folder:
        settings["create"] = "true"
    if read_only:
        settings["readOnly"] = "true"
    body: dict[str, Any] = {"Name": source.name, "StorageType": "LOCAL", "StorageConfiguration": settings, "PeerAddress": source.peer,
                            "EncryptionMode": "CLEAR", "FlatStorage": source.flat, "SkipSyncOnRestart": False}
    session.post(path, body)


def create_bucket_source(session: Session, name: str, bucket: str, base: str, endpoint: str, region: str, keys: tuple[str, str]) -> None:
    """Add a bucket that is indexed as it lies (structured). `POST /a/config/datasource/{Name}`. `base`: folder in it, or empty;
    `endpoint`: empty for Amazon; `keys`: access key and secret, which go to the vault of Cells. The checksums are those of the storage
    (`nativeEtags`): otherwise Cells writes every object once more, with a new date."""
    settings = {"nativeEtags": "true"}
    if endpoint:
        settings["customEndpoint"] = endpoint
    if region:
        settings["customRegion"] = region
    body: dict[str, Any] = {"Name": name, "StorageType": "S3", "StorageConfiguration": settings, "ApiKey": keys[0], "ApiSecret": keys[1],
                            "ObjectsBucket": bucket, "EncryptionMode": "CLEAR", "FlatStorage": False, "SkipSyncOnRestart": False}
    if base:
        body["ObjectsBaseFolder"] = base
    session.post(_path(name, "POST"), body)


def delete_data_source(session: Session, name: str) -> None:
    """Take a data source out of the configuration; files stay on disk. 500 (409 on 5) while a workspace has a root in it.
    `DELETE /a/config/datasource/{Name}`."""
    session.delete(_path(name, "DELETE"))


def list_peers(session: Session) -> list[str]:
    """Addresses of the machines whose disks can be used. `GET /a/config/peers`."""
    peers = session.get("/a/config/peers").get("PeerAddresses")
    return [str(p) for p in peers] if isinstance(peers, list) else []


def list_folders(session: Session, peer: str, folder: str) -> list[Node]:
    """Visible sub-folders of a folder of the server's disk, symbolic links included; empty also when it does not exist.
    `POST /a/config/peers/{addr}`."""
    answer = session.search("/a/config/peers/" + quote(peer, safe=""), {"PeerAddress": peer, "Path": folder})
    return [node_of(value) for value in objects(answer, "Children")]


def list_virtual_nodes(session: Session) -> list[Node]:
    """Template paths (`my-files`, `cells`). `GET /a/config/virtualnodes`."""
    return [node_of(value) for value in objects(session.get("/a/config/virtualnodes"), "Children")]
