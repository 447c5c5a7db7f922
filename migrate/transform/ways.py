"""How will each person sign in to Cells? Kept, temporary, reset, none or existing; pure decisions, no password is seen here."""

from __future__ import annotations

from dataclasses import dataclass

from migrate.errors import Code, Severity, code
from migrate.extract.records import User
from migrate.transform.mapping import UserLine

KEPT, TEMPORARY, RESET, NONE, EXISTING = "kept", "temporary", "reset", "none", "existing"
POLICIES = ("temporary", "keep", "reset", "none")
ROUTES = ("script", "sql", "rpc")
CARRIED_SCHEMES = ("pbkdf2_sha256", "md5")

UNKNOWN_SCHEME = code(
    "F2801", Severity.WARNING, "The old password of {subject} is stored in a form that Cells does not know; a temporary one is made instead.",
    "Hand over the temporary password (accounts.csv).")
NO_STORED = code(
    "F2802", Severity.WARNING, "{subject} has no stored password that could be kept; a temporary one is made instead.",
    "Hand over the temporary password (accounts.csv).")
DIRECTORY = code(
    "F2803", Severity.WARNING, "{subject} signed in through a directory (LDAP, Active Directory, CAS, …); the account in Cells has no password.",
    "Connect Cells to the directory (Cells Enterprise; Home has local accounts only), or give `temporary` in the column `password` of users.csv.",
    "The account is made with a random password that nobody is told, so that rights and files are ready for the directory.")
NO_MAIL = code(
    "F2804", Severity.WARNING, "{subject} has no e-mail address, so Cells cannot mail a link to set a password; a temporary one is made instead.",
    "Hand over the temporary password (accounts.csv).")


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """What --passwords and its companions say. `default`: one of POLICIES. `route`: how kept ones get into Cells, one of ROUTES.
    `must_change`: temporary ones are to be changed at the first sign-in. `directory`: the old server asked a directory for all."""

    default: str = "temporary"
    route: str = "script"
    must_change: bool = True
    directory: bool = False

    def way(self, user: User, line: UserLine | None, *, existing: bool) -> tuple[str, Code | None]:
        """How this person signs in, and why it is another way than the one asked for."""
        if existing:
            return EXISTING, None
        asked = line.password if line is not None and line.password else ""
        carried = user.password_scheme in CARRIED_SCHEMES
        if (user.directory or self.directory) and asked not in ("temporary", "reset") and not (asked == "keep" and carried):
            return NONE, DIRECTORY
        asked = asked or self.default
        if asked == "keep":
            if carried:
                return KEPT, None
            return TEMPORARY, UNKNOWN_SCHEME if user.password_scheme == "unknown" else NO_STORED
        if asked == "reset":
            return (RESET, None) if user.email else (TEMPORARY, NO_MAIL)
        return (NONE if asked == "none" else TEMPORARY), None

    def must_be_changed(self, user: User, line: UserLine | None) -> bool:
        """Whether a new account is made with the order to change its password at the first sign-in."""
        return self.must_change and self.way(user, line, existing=False)[0] == TEMPORARY
