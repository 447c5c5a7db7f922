"""Which roles take effect for a user, in which order? The rules changed with the versions; `Era` names them.

4.3 to 6.0: by id, no root group role. From 6.2: groups by path, other roles by the user's order, roles that always override,
the personal role last. Up to 4.2 there is no fold: the user's own right wins, then the first role that says anything."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from migrate.errors import Severity, code, finding
from migrate.extract.plain import items, normal_group, number, path_text, text
from migrate.extract.roles import GROUP_PREFIX, PERSONAL_PREFIX, RoleBook, StoredRole, acl_texts, read_role, unreadable
from migrate.extract.store import Unreadable, UserRow

if TYPE_CHECKING:
    from migrate.extract.context import Context

RIGHTS_UNREADABLE = code(
    "F1102",
    Severity.ERROR,
    "The list of roles of user {subject} cannot be read ({reason}); only the user's own rights are kept.",
    "Assign the roles again in Cells, or restore the value from a backup.",
)
NOTHING_STORED = code(
    "F1110",
    Severity.WARNING,
    "The account {subject} has no rights file, or an empty one: whose user it is and which roles it has cannot be told.",
    "Give roles and groups in Cells by hand; only the personal role of this account is carried over.",
)
ROLE_LOST = code(
    "F1208",
    Severity.ERROR,
    "User {subject} has the role {role}, which is among the roles that could not be read; only the user's own rights are kept.",
    "Restore the roles from a backup, or copy the installation again.",
)
ROLE_GONE = code(
    "F1205",
    Severity.INFO,
    "User {subject} has the role {role}, which does not exist any more.",
    "Nothing to do: the old application ignored it.",
)

ROLES_UNORDERED = code(
    "F1209",
    Severity.WARNING,
    "The roles {roles} of user {subject} stand in no order and disagree about rights; the lesser ones are taken.",
    "Nothing, if that is enough; else give the right in Cells. Saving the order of roles in the old application before the last plan settles it.",
)


@dataclass(frozen=True, slots=True)
class Era:
    """How the application that last ran combined roles."""

    version: tuple[int, int]
    serial: bool = False

    @property
    def folds(self) -> bool:
        """Roles override one another (4.3 and later)."""
        return self.version >= (4, 3)

    @property
    def ordered(self) -> bool:
        """Users have an order of roles, and an empty right keeps the lower one (6.2 and later)."""
        return self.version >= (6, 2)

    @property
    def root_group(self) -> bool:
        """Everybody has the role of the root group (6.2 and later, but never with the file drivers)."""
        return self.ordered and not self.serial

    @property
    def shared_again(self) -> bool:
        """External users keep the roles that apply to `shared` (5.3 and later)."""
        return self.version >= (5, 3)

    @property
    def teams_again(self) -> bool:
        """External users keep owned roles, which are teams (8.0 and later)."""
        return self.version >= (8, 0)


def era_of(version: tuple[int, int], conf: str, book: RoleBook) -> Era:
    """The era by version; without one by what the stored roles look like."""
    if version == (0, 0):
        if any(name.startswith(GROUP_PREFIX + "/") for name in book):
            version = (6, 4)
        else:
            version = (4, 2) if book and all(role.legacy for role in book.values()) else (5, 2)
    return Era(version, conf == "serial")


@dataclass(frozen=True, slots=True)
class Chain:
    """The roles of one user. `lower`: groups and roles in order of application, later wins; `personal`: applied last.
    `given`: ids stored with the user, in the same order. `kept`: ids of `lower` that an external user keeps. `tied`: ids of roles among
    which no order decides (accounts from before 6.2 have none until they are saved, beside roles that apply by themselves)."""

    lower: tuple[StoredRole, ...]
    personal: StoredRole
    given: tuple[str, ...]
    external: bool
    kept: tuple[str, ...] = ()
    tied: tuple[frozenset[str], ...] = ()

    @property
    def applied(self) -> tuple[str, ...]:
        """Roles that take effect without group roles; only the kept ones of an external user."""
        ids = tuple(role.id for role in self.lower if role.readable and not role.id.startswith(GROUP_PREFIX))
        return tuple(name for name in ids if name in self.kept) if self.external else ids


def profile_of(row: UserRow) -> str:
    """`admin`, `standard`, `shared`, `guest` as the application told it: stored, else by what the user is."""
    stored = text(row.rights.get("ajxp.profile"))
    if stored:
        return stored
    if is_admin(row):
        return "admin"
    if parent_of(row) is not None:
        return "shared"
    return "guest" if row.login == "guest" else "standard"


def is_admin(row: UserRow) -> bool:
    """Whether the account has administrator rights, of everything or of its group. Only a clear yes counts."""
    return (text(row.rights.get("ajxp.admin")) or "").strip().lower() in ("1", "true")


def parent_of(row: UserRow) -> str | None:
    """Login of the user who made this external account."""
    return path_text(row.rights.get("ajxp.parent_user")) or None


def group_of_row(row: UserRow) -> str:
    """Group path of a stored user, `/` without one."""
    return normal_group(row.group) if row.group else "/"


def group_levels(group: str) -> Iterator[str]:
    """`/staff/design` gives `/staff` and `/staff/design`."""
    path = ""
    for part in group.strip("/").split("/"):
        if part:
            path += "/" + part
            yield path


def own_acls(row: UserRow) -> dict[str, str]:
    """Rights stored with the user under workspace ids (all there is up to 4.2)."""
    return acl_texts({key: value for key, value in row.rights.items() if not key.startswith("ajxp.")})


def personal_role(context: Context, row: UserRow) -> StoredRole:
    """The personal role; for a user who never signed in since 4.3 it is made of the rights stored with the user."""
    role_id = PERSONAL_PREFIX + row.login
    if row.role is not None:
        return read_role(role_id, row.role, context.findings)
    if context.roles_missing and not context.era.serial and row.account:  # it may be among those that are missing
        return unreadable(role_id)
    return StoredRole(role_id, acls=own_acls(row), legacy=True)


def chain_of(context: Context, row: UserRow) -> Chain:
    """The chain of a stored user. Lists and roles that cannot be read are findings and stand as unreadable roles."""
    era: Era = context.era
    personal = personal_role(context, row)
    external = parent_of(row) is not None
    stored = row.rights.get("ajxp.roles")
    names = [name for name, _ in items(stored) if not name.startswith(PERSONAL_PREFIX)]
    lost: list[StoredRole] = []
    if isinstance(stored, Unreadable):
        context.findings(finding(RIGHTS_UNREADABLE, "users", row.login, reason=stored.reason))
        lost = [unreadable("ajxp.roles")]
    if context.era.serial and row.account and not row.rights:
        context.findings(finding(NOTHING_STORED, "users", row.login))
        lost = [unreadable("ajxp.roles")]
    given = []
    for name in names:
        if name in context.roles:
            given.append(name)
        elif context.roles_missing:
            context.findings(finding(ROLE_LOST, "users", row.login, role=name))
            lost.append(unreadable(name))
        elif not name.startswith(GROUP_PREFIX):
            context.findings(finding(ROLE_GONE, "users", row.login, role=name))
    if not era.folds:
        # The first role that says anything about a workspace wins: the same as a fold from the last to the first.
        lower = [context.roles[name] for name in reversed(given)]
        return Chain(tuple(lower + lost), personal, tuple(reversed(given)), external=False)
    return _folded_chain(context, row, era, personal, given, lost, external)


def _folded_chain(
    context: Context, row: UserRow, era: Era, personal: StoredRole, given: list[str], lost: list[StoredRole], external: bool
) -> Chain:
    group = group_of_row(row)
    group_roles = [GROUP_PREFIX + path for path in ((["/"] if era.root_group else []) + list(group_levels(group)))]
    if context.roles_missing:
        lost += [unreadable(name) for name in group_roles if name not in context.roles]
    loaded = given + [name for name in group_roles if name in context.roles and name not in given]
    automatic = _automatic(context, row, group, loaded)
    order = _order(row, given, automatic, len(loaded) + 1)
    everything = loaded + automatic
    tied: tuple[frozenset[str], ...] = ()
    if era.ordered:
        sticky = {name for name, _ in items(row.rights.get("ajxp.roles.sticky"))}
        sticky |= {name for name in (automatic if era.serial else everything) if context.roles[name].sticky}
        groups = sorted((name for name in everything if name.startswith(GROUP_PREFIX)), key=_bytes)
        others = [name for name in everything if not name.startswith(GROUP_PREFIX)]
        places = {name: (name in sticky, order.get(name, 0)) for name in others}
        others.sort(key=lambda name: places[name])
        names = groups + others
        tied = tuple(frozenset(same) for _, found in groupby(others, key=lambda name: places[name]) if len(same := list(found)) > 1)
        for same in tied:
            if disagree([context.roles[name] for name in same]):
                context.findings(finding(ROLES_UNORDERED, "users", row.login, roles=", ".join(sorted(same))))
    else:
        names = sorted(everything, key=_bytes)
    # Roles that are not known may stand above all others, so that only the personal role is certain.
    lower = [context.roles[name] for name in names] + lost
    position = {name: index for index, name in enumerate(names)}
    shown = sorted((name for name in given if not name.startswith(GROUP_PREFIX)), key=lambda name: position[name])
    shown = [name for name in shown if context.roles[name].owner is None]
    return Chain(tuple(lower), personal, tuple(shown), external, _kept(context, row, era, lower) if external else (), tied)


def _kept(context: Context, row: UserRow, era: Era, lower: list[StoredRole]) -> tuple[str, ...]:
    """External users lose the rights of groups and roles; what is applied again afterwards depends on the version, and
    happens only while the parent has a personal role. The file drivers never find that role."""
    if not era.shared_again or era.serial:
        return ()
    parent = context.login(parent_of(row) or "")
    if parent is None or not parent.has_role:
        return ()
    return tuple(role.id for role in lower if "shared" in role.applies or (era.teams_again and role.owner is not None))


def _automatic(context: Context, row: UserRow, group: str, loaded: list[str]) -> list[str]:
    """Roles that apply by themselves to the user's profile, for the groups that see them, and are not given yet."""
    profile = profile_of(row)
    return [
        role.id
        for role in context.roles.automatic
        if role.id not in loaded and (profile in role.applies or "all" in role.applies) and (role.group is None or group.startswith(role.group))
    ]


def _order(row: UserRow, given: list[str], automatic: list[str], count: int) -> Mapping[str, int]:
    """Place of each role. One that the stored order does not name counts as first, an automatic one as last. Where no order is stored,
    ids decide, unless a role that applies by itself begins one."""
    stored: Any = row.rights.get("ajxp.roles.order")
    order: dict[str, int] = {name: number(place, 0) or 0 for name, place in items(stored)}
    if not order and not automatic:
        order = {name: index for index, name in enumerate(sorted(given, key=_bytes))}
    for index, name in enumerate(automatic):
        order[name] = count + index
    return order


def disagree(roles: Collection[StoredRole]) -> bool:
    """Whether roles say different things about one workspace."""
    said: dict[str, str] = {}
    return any(right and said.setdefault(workspace, right) != right for role in roles for workspace, right in role.acls.items())


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
