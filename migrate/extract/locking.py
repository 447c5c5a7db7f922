"""Is an account locked? By a right of its own (4.3 to 5.x) or by a parameter of the merged role (5.3 and later)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrate.errors import Severity, code, finding
from migrate.extract.fold import Merged
from migrate.extract.plain import text
from migrate.extract.roles import VALUE_CLEAR, StoredRole
from migrate.extract.store import Unreadable, UserRow

if TYPE_CHECKING:
    from migrate.extract.context import Context

PERSONAL_ROLE_LOST = code(
    "F1107",
    Severity.ERROR,
    "The personal role of {subject} cannot be read, and a lock may have been in it: the account is migrated locked.",
    "Check the account and unlock it in Cells, then give back its name, e-mail and rights.",
)

RIGHTS_LOST = code(
    "F1109",
    Severity.ERROR,
    "What was stored with {subject} cannot be read; a lock or a parent may have been in it: the account is migrated locked.",
    "Check the account and unlock it in Cells.",
)


def rights_lost(row: UserRow, serial: bool = False) -> bool:
    """Whether all that was stored of a user but the personal role is damaged or gone (rights.ser). An intact row always
    says whether the user is an administrator."""
    if serial and row.account and not row.rights:
        return True
    return isinstance(row.rights.get("ajxp.roles"), Unreadable) and "ajxp.admin" not in row.rights


def locks_of(context: Context, row: UserRow, personal: StoredRole, merged: Merged) -> tuple[str, ...]:
    """The right of old versions first, then the parameter of the merged role: a locked group locks its members."""
    stored = row.rights.get("ajxp.lock")
    if isinstance(stored, Unreadable) or rights_lost(row, context.era.serial):
        context.findings(finding(RIGHTS_LOST, "users", row.login))
        return ("logout",)
    lock = text(stored) or ""
    if lock in ("", "0", "false"):
        lock = merged.parameter("core.conf", "USER_LOCK_ACTION") or ""
    if lock in ("0", "false", VALUE_CLEAR):
        lock = ""
    if not personal.readable:
        context.findings(finding(PERSONAL_ROLE_LOST, "users", row.login))
        return ("logout",)
    return tuple(part.strip() for part in lock.split(",") if part.strip())
