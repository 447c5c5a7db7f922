"""What did people comment? Rows of the feed (5.1 and later), or the metadata of a workspace where no feed was active."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from migrate.errors import Severity, code, finding
from migrate.extract.metadata import COMMENTS, workspace_metadata
from migrate.extract.names import UnsafePath, node_path
from migrate.extract.plain import items, normal_group, number, text
from migrate.extract.records import Comment, GroupPath, Login, WorkspaceId
from migrate.extract.store import CommentRow, Unreadable

if TYPE_CHECKING:
    from migrate.extract.context import Context

COMMENT_UNREADABLE = code(
    "F1621",
    Severity.ERROR,
    "A comment of {login} in workspace {subject} cannot be read ({reason}).",
    "Restore the table of the feed from a backup, if the comment matters.",
)
COMMENT_AUTHOR = code(
    "F1622",
    Severity.INFO,
    "Comments of {subject} are kept under this name: there is no such account any more.",
    "Nothing needs to be done.",
)


NOBODY = "(unknown)"


def read_comments(context: Context) -> Iterator[Comment]:
    """Comments on nodes, with their author as the account is spelt. Text as typed, markup included, never interpreted."""
    for row in context.store.comments():
        comment = _from_row(context, row)
        if comment is not None:
            yield comment
    for node in workspace_metadata(context):
        if node.stored.namespace != COMMENTS:
            continue
        for _, stored in items(node.stored.values):
            entry = dict(items(stored))
            content, author = text(entry.get("content")), text(entry.get("author"))
            login = _author(context, author)
            if content is not None:
                yield Comment(
                    login, WorkspaceId(node.workspace), node.path, content, number(entry.get("date"), 0) or 0, _login(node.user), _group(node.group)
                )


def _from_row(context: Context, row: CommentRow) -> Comment | None:
    login = _author(context, row.user)
    try:
        content, path = _content(row.content), node_path(row.path)
    except (ValueError, UnsafePath) as error:
        context.findings(finding(COMMENT_UNREADABLE, "comments", row.workspace, login=row.user, reason=str(error)))
        return None
    owner = row.owner if row.scope == "USER" else None
    known = context.login(owner) if owner else None
    group = normal_group(row.group) if row.scope == "GROUP" and row.group else None
    return Comment(login, WorkspaceId(row.workspace), path, content, row.time, _login(known.login if known else owner), _group(group))


def _content(stored: Any) -> str:
    """The text: base64 inside the serialized value. Raises ValueError with a reason."""
    if isinstance(stored, Unreadable):
        raise ValueError(stored.reason)
    encoded = text(stored)
    if encoded is None:
        raise ValueError("it holds no text")
    try:
        return text(base64.b64decode(encoded, validate=True)) or ""
    except binascii.Error:
        raise ValueError("its text is no base64") from None


def _author(context: Context, stored: str | None) -> Login:
    """The account that wrote it, or the name as stored: what people wrote stays readable when they have left."""
    known = context.login(stored) if stored else None
    if known is None or not known.is_person:
        context.findings(finding(COMMENT_AUTHOR, "comments", stored or NOBODY))
        return Login(stored or NOBODY)
    return Login(known.login)


def _login(value: str | None) -> Login | None:
    return Login(value) if value is not None else None


def _group(value: str | None) -> GroupPath | None:
    return GroupPath(value) if value is not None else None
