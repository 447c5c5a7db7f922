"""How is one old file copied whole, with its holes, dates, owner and permissions, and what stands in its place already?"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from typing import IO, Any

from migrate.cells.bodies import open_source, send_unchanged
from migrate.cells.hashes import Hasher
from migrate.text import shown

PIECE = 1 << 20
TRIES = 3


def copy_file(old: bytes, part: bytes) -> dict[str, Any]:
    """Copy one file as it is now to `part`, synced; gives what the list of files keeps of it: size, date, hashes. SourceChanged (it was written
    to all the time), SourceUnreadable, OSError of the disk of the copy."""

    def once(source: IO[bytes], _name: str, _state: os.stat_result) -> Hasher:
        hasher = Hasher()
        with open(part, "wb", buffering=0) as target:
            _copy_bytes(source, target.fileno(), hasher)
            os.fsync(target.fileno())
        return hasher

    hasher, state = send_unchanged(old, None, TRIES, once)
    copy_state(old, part)
    os.utime(part, ns=(state.st_atime_ns, state.st_mtime_ns))  # of what was read, whatever was written since
    hashes = hasher.result()
    return {"md5": hashes.md5, "sha256": hashes.sha256, "content_hash": hashes.cells, "size": hashes.size, "mtime": state.st_mtime_ns // 10**9}


def copy_state(old: bytes, place: bytes) -> None:
    """Permissions, extended attributes and times; the owner where this user may give files away."""
    shutil.copystat(old, place)
    found = os.stat(old)
    if os.geteuid() == 0:
        os.chown(place, found.st_uid, found.st_gid)
        os.chmod(place, stat.S_IMODE(found.st_mode))
        os.utime(place, ns=(found.st_atime_ns, found.st_mtime_ns))


def begins_like(place: bytes, old: bytes) -> bool:
    """Whether `place` holds what the old file holds, or the beginning of it: a copy that was broken off. OSError, SourceUnreadable."""
    with open(place, "rb", buffering=0) as there, open_source(old, shown(old)) as source:
        if os.fstat(there.fileno()).st_size > os.fstat(source.fileno()).st_size:
            return False
        while piece := there.read(PIECE):
            if _exactly(source, len(piece)) != piece:
                return False
    return True


def md5_of(place: bytes) -> str:
    """Hex MD5 of a file of the copy. OSError."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(place, "rb", buffering=0) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _exactly(source: IO[bytes], size: int) -> bytes:
    """So many bytes, fewer only at the end."""
    got = b""
    while len(got) < size and (more := source.read(size - len(got))):
        got += more
    return got


def _copy_bytes(source: IO[bytes], target: int, hasher: Hasher) -> None:
    """All bytes; stretches of zeros stay holes."""
    end = 0
    while piece := source.read(PIECE):
        hasher.update(piece)
        if piece.count(0) == len(piece):
            os.lseek(target, len(piece), os.SEEK_CUR)
        else:
            view = memoryview(piece)
            while view:
                view = view[os.write(target, view):]
        end += len(piece)
    os.ftruncate(target, end)
