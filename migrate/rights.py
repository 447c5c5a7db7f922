"""The one right on a workspace or a path, from the old server's letters to the ACL of the new one."""

from __future__ import annotations

import enum


class Right(enum.Flag):
    """Read and/or write. `WRITE` alone is a drop box: upload without seeing. `NONE` is no access."""

    NONE = 0
    READ = 1
    WRITE = 2
    READ_WRITE = 3

    @classmethod
    def from_letters(cls, letters: str) -> Right:
        """Right of an old ACL string: `r`, `w`, `rw`, `""`; `d`, `n` and anything unknown give NONE.

        Case matters: `AJXP_VALUE_CLEAR` holds a capital R and must not read as a right (all legacy versions)."""
        if letters not in ("r", "w", "rw", "wr"):
            return cls.NONE
        return (cls.READ if "r" in letters else cls.NONE) | (cls.WRITE if "w" in letters else cls.NONE)

    @property
    def letters(self) -> str:
        """`""`, `r`, `w` or `rw`, as in the inventory."""
        return ("r" if Right.READ in self and self else "") + ("w" if Right.WRITE in self and self else "")

    @property
    def readable(self) -> bool:
        """Whether READ is included."""
        return bool(self & Right.READ)

    @property
    def writable(self) -> bool:
        """Whether WRITE is included."""
        return bool(self & Right.WRITE)

    def within(self, other: Right) -> bool:
        """True when this right gives nothing that `other` does not give."""
        return (self & other) == self
