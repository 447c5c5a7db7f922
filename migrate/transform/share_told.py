"""What is said about shares that are left out or changed? Findings and reasons, gathered while a plan is made."""

from __future__ import annotations

from migrate.errors import Code, Finding, finding
from migrate.extract.records import Share
from migrate.text import shown


class Told:
    """`findings` in order; `skipped`: record -> code of the first reason."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.skipped: dict[str, str] = {}
        self._said: set[tuple[str, str]] = set()

    def skip(self, share: Share, why: Code, **details: object) -> None:
        """Leave a share out. The first reason counts; each is told once."""
        self.skipped.setdefault(share.key, why.code)
        subject = subject_of(share)
        if (subject, why.code) not in self._said:
            self._said.add((subject, why.code))
            self.findings.append(finding(why, "shares", subject, owner=share.owner or "nobody", path=visible(share.path), **details))

    def say(self, why: Code, share: Share, **details: object) -> None:
        """Tell something about a share that is carried."""
        self.findings.append(finding(why, "shares", subject_of(share), owner=share.owner or "nobody", **details))


def subject_of(share: Share) -> str:
    """How a share is called in findings: the hash of its link, else the id of its child."""
    return share.link.hash if share.link is not None else share.child_workspace_id or share.key


def visible(path: str) -> str:
    """A path whose bytes may not be UTF-8, for people."""
    return shown(path.encode("utf-8", "surrogateescape"))


def short(text: str, limit: int) -> str:
    """At most `limit` bytes in UTF-8."""
    return text.encode("utf-8", "ignore")[:limit].decode("utf-8", "ignore")
