"""What does the contract JSON of an old server look like? Written as a stream: no kind is ever held in memory as a whole."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

from migrate.extract.records import Access, FileEntry, Metadata, Role, Share, Team, User, Workspace, to_plain
from migrate.extract.source import Source
from migrate.text import b64, is_utf8, shown

FORMAT = 1


def write_inventory(source: Source, stream: IO[str], *, hashes: bool = False, with_secrets: bool = False) -> None:
    """Write everything the old server holds to a text stream, as one JSON object (format 1).

    `hashes`: with SHA-256 of every file. `with_secrets`: with the link passwords that old formats hold in clear text."""
    write = stream.write
    write("{" + f'"format": {FORMAT},\n"installation": ' + _json(to_plain(source.facts)))
    _array(write, "users", map(_user, source.users()))
    _array(write, "groups", ({"path": group.path, "label": group.label} for group in source.groups()))
    _array(write, "roles", map(_role, source.roles()))
    _array(write, "teams", map(_team, source.teams()))
    _array(write, "workspaces", map(_workspace, source.workspaces()))
    _access(write, source.listed_access())
    _array(write, "shares", (_share(share, with_secrets) for share in source.shares()))
    _array(write, "metadata", map(_metadata, source.metadata()))
    for kind in ("bookmarks", "watches", "comments", "locks", "preferences"):
        _array(write, kind, map(to_plain, getattr(source, kind)()))
    _array(write, "files", (_file(entry, hashes) for entry in source.files(hashes)))
    _array(write, "findings", map(to_plain, source.findings()))
    write("\n}\n")


def _json(value: Any) -> str:
    return json.dumps(_safe(value), ensure_ascii=False)


def _safe(value: Any) -> Any:
    """Surrogate escapes of names that are not UTF-8 as `\\xNN`: JSON text must be valid Unicode. A path keeps its exact
    bytes beside it as `path_b64`."""
    if isinstance(value, str):
        return value if value.isascii() or _sound(value) else shown(_bytes(value))
    if isinstance(value, dict):
        result = {_safe(key): _safe(entry) for key, entry in value.items()}
        path = value.get("path")
        if isinstance(path, str) and not is_utf8(_bytes(path)):
            result["path_b64"] = b64(_bytes(path))
        return result
    if isinstance(value, (list, tuple)):
        return [_safe(entry) for entry in value]
    return value


def _sound(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _bytes(value: str) -> bytes:
    try:
        return os.fsencode(value)
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


def _array(write: Callable[[str], Any], name: str, entries: Iterable[Any]) -> None:
    write(f',\n"{name}": [')
    for index, entry in enumerate(entries):
        write((",\n" if index else "\n") + _json(entry))
    write("]")


def _object(write: Callable[[str], Any], name: str, entries: Iterator[tuple[str, Any]]) -> None:
    write(f',\n"{name}": ' + "{")
    for index, (key, entry) in enumerate(entries):
        write((",\n" if index else "\n") + _json(key) + ": " + _json(entry))
    write("}")


def _access(write: Callable[[str], Any], entries: Iterator[Access]) -> None:
    """Rights and paths of everybody in one pass: paths wait in a temporary file until the rights are written."""
    with tempfile.SpooledTemporaryFile(max_size=1 << 20, mode="w+", encoding="utf-8") as later:

        def rights() -> Iterator[tuple[str, Any]]:
            for access in entries:
                if access.paths:
                    paths = {workspace: {path: right.letters for path, right in covered.items()} for workspace, covered in access.paths.items()}
                    later.write(json.dumps([access.login, paths]) + "\n")
                yield access.login, {workspace: right.letters for workspace, right in access.workspaces.items()}

        _object(write, "effective_access", rights())
        later.seek(0)
        _object(write, "effective_paths", (tuple(json.loads(line)) for line in later))


def _user(user: User) -> dict[str, Any]:
    names = (
        *("login", "group", "profile", "admin", "parent", "locks", "roles", "display_name", "email", "language"),
        *("password_scheme", "quota_bytes", "avatar_sha256", "start_workspace", "directory"),
    )
    return {name: to_plain(getattr(user, name)) for name in names}


def _role(role: Role) -> dict[str, Any]:
    return to_plain(role)


def _team(team: Team) -> dict[str, Any]:
    return {"id": team.id, "label": team.label, "owner": team.owner, "members": list(team.members)}


def _workspace(workspace: Workspace) -> dict[str, Any]:
    return to_plain(workspace)


def _share(share: Share, with_secrets: bool) -> dict[str, Any]:
    plain = to_plain(share)
    if share.link is not None:
        plain["link"]["password"] = share.link.password if with_secrets else None
    return plain


def _metadata(entry: Metadata) -> dict[str, Any]:
    return to_plain(entry)


def _file(entry: FileEntry, hashes: bool) -> dict[str, Any]:
    plain = to_plain(entry)
    del plain["real"]
    if not hashes:
        del plain["sha256"]
    return plain
