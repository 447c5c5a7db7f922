"""What is in one metadata file? Parsing only: bytes in, (node key, bucket, namespace, values) out.

A file maps node -> bucket -> namespace -> field -> value (metastore.serial, since 3.3); `meta.serial` of 2.7 to 3.2 wrote
node -> field -> value into files of the same name. Bucket `AJXP_METADATA_SHAREDUSER` is for everybody, any other bucket is
a login that alone sees the values. Keys may be integers (a folder called `2019`), values may be followed by rubbish
(Windows hosts did not truncate), and 3.2 wrote XML entities."""

from __future__ import annotations

import base64
import binascii
import errno
import html
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.extract.php.values import PhpValueError, loads
from migrate.extract.plain import path_text, plain
from migrate.extract.regular import read_regular

SHARED_BUCKET = b"AJXP_METADATA_SHAREDUSER"
DEFAULT_FILE = ".ajxp_meta"
USERS_META = "users_meta"
_LARGEST = 128 * 2**20


@dataclass(frozen=True, slots=True)
class StoredMeta:
    """One namespace of one node. `key`: raw bytes, a name (files in folders) or a path (files outside).
    `bucket`: the login that alone sees it, None for everybody. `values`: keys as text, values as decoded (PHP shapes)."""

    key: bytes
    bucket: str | None
    namespace: str
    values: Mapping[str, Any] = field(repr=False)


class MetaFileError(Exception):
    """A metadata file cannot be read. `reason` never holds its content. Does not leave the extract room."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_meta_file(path: bytes | str) -> list[StoredMeta]:
    """All namespaces of all nodes in a file; empty when there is no such file. Raises MetaFileError.

    Only regular files are opened, so that a pipe or a link to elsewhere with that name does no harm."""
    try:
        data = read_regular(path, _LARGEST)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EINVAL):  # nothing there, or no file
            return []
        raise MetaFileError(error.strerror or "it cannot be read") from None
    return parse_meta(data)


def parse_meta(data: bytes) -> list[StoredMeta]:
    """The same from the bytes of a file; an empty file has nothing. Raises MetaFileError."""
    if not data.strip():
        return []
    try:
        nodes = loads(data)
    except PhpValueError as error:
        raise MetaFileError(error.message) from None
    if not isinstance(nodes, dict):
        raise MetaFileError("it holds no array")
    return list(_nodes(nodes))


def _nodes(nodes: Mapping[Any, Any]) -> Iterator[StoredMeta]:
    for key, content in nodes.items():
        if not isinstance(content, dict):
            continue  # AJXP_METASTORE_UPGRADED marks a file, it is no node
        name = str(key).encode() if isinstance(key, int) else key
        if is_flat(content):
            yield StoredMeta(name, None, USERS_META, {_text(k): _unescaped(v) for k, v in content.items()})
            continue
        for bucket, namespaces in content.items():
            if not isinstance(namespaces, dict):
                continue
            owner = None if bucket == SHARED_BUCKET else _text(bucket)
            for namespace, values in namespaces.items():
                if isinstance(values, dict):
                    yield StoredMeta(name, owner, _text(namespace), {_text(k): v for k, v in values.items()})


def is_flat(content: Mapping[Any, Any]) -> bool:
    """Whether a node's entry has the shape of 2.7 to 3.2: fields with scalars where the later format has buckets."""
    return bool(content) and SHARED_BUCKET not in content and not any(isinstance(value, dict) for value in content.values())


def _unescaped(value: Any) -> Any:
    return html.unescape(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _text(key: Any) -> str:
    return path_text(key) or ""


def shown_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as text, numbers and plain structures."""
    return {name: plain(value) for name, value in values.items()}


_SCOPES = ("1", "2")


def read_attributes(path: bytes) -> Iterator[tuple[str, StoredMeta]]:
    """metastore.xattr: (scope, namespace) of one node from its extended attributes; scope `1` is global, `2` the workspace's.

    An attribute is called `<namespace>-<scope>-<bucket>` in lower case and holds base64 of a serialized array. Nothing
    where the file system has no attributes. Raises MetaFileError for a damaged one."""
    if not hasattr(os, "listxattr"):
        return
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return
    for full in names:
        parts = full.removeprefix("user.").split("-", 2)
        if len(parts) != 3 or parts[1] not in _SCOPES:
            continue
        try:
            value = loads(base64.b64decode(os.getxattr(path, full, follow_symlinks=False)))
        except (OSError, binascii.Error, ValueError, PhpValueError):
            raise MetaFileError(f"its attribute {full} is damaged") from None
        if isinstance(value, dict):
            bucket = None if parts[2] == SHARED_BUCKET.decode().lower() else parts[2]
            yield parts[1], StoredMeta(os.path.basename(path), bucket, parts[0], {_text(k): v for k, v in value.items()})
