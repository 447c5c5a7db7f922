"""What does each stored role say? AjxpRole (3.0 to 4.2) and AJXP_Role (4.3 to 8.2) become one form.

A role that cannot be read stays in the book as unreadable: it may have taken something away, so whoever has it gets less."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from migrate.errors import Code, Finding, Severity, code, finding
from migrate.extract.masks import DENY_ALL, BadMask, Tree, leaves, read_mask
from migrate.extract.php.values import PhpObject
from migrate.extract.plain import items, normal_group, path_text, plain, text, truth
from migrate.extract.records import CLEAR, Login, NodePath, Role, RoleId, WorkspaceId
from migrate.extract.store import RoleRow, Unreadable

ROLE_UNREADABLE = code(
    "F1201",
    Severity.ERROR,
    "Role {subject} cannot be read ({reason}); whoever has it gets nothing from it, nor from what it stands above.",
    "Restore the role from a backup, or save it again in the old application, and run once more.",
    "A role can take away what groups and earlier roles gave. Since that cannot be told from a damaged role, everything "
    "below it counts as taken away for those who have it.",
)
MASK_UNREADABLE = code(
    "F1202",
    Severity.ERROR,
    "The path mask of role {subject} on workspace {workspace} cannot be read; it is taken to deny everything there.",
    "Set the mask again in the old application.",
)
DEAD_WORKSPACE = code(
    "F1203",
    Severity.INFO,
    "Role {subject} names the workspace {workspace}, which does not exist any more.",
    "Nothing to do: the right had no effect.",
)
DUPLICATE_ROLE = code("F1204", Severity.WARNING, "Role {subject} is stored twice; the last one is used.", "Remove the row that is a left-over.")

SECOND_FACTOR = code(
    "F1206",
    Severity.WARNING,
    "{subject} signed in with a second factor (one-time passwords); its secret is not carried over.",
    "Let this person set up a second factor again in Cells, or lock the account until then.",
)
STORED_CREDENTIALS = code(
    "F1207",
    Severity.WARNING,
    "Credentials for another storage were kept for {subject}; they are not carried over.",
    "Enter them again where Cells asks for them.",
)

ALL = "AJXP_REPO_SCOPE_ALL"
VALUE_CLEAR = "AJXP_VALUE_CLEAR"
GROUP_PREFIX = "AJXP_GRP_"
PERSONAL_PREFIX = "AJXP_USR_/"
LINK_ROLE = re.compile(r"AJXP_SHARED-|MINISITE")
NO_DOWNLOAD = "MINISITE_NODOWNLOAD"
_SECRET = re.compile(r"PASS(?!WORD_MINLENGTH)|SECRET|TOKEN|API_KEY|ACCESS_KEY|otp|yubikey|^google", re.IGNORECASE)
_SECRET_VALUE = "$pydio_password$"


@dataclass(frozen=True, slots=True)
class StoredRole:
    """A role as the fold needs it. `acls`: workspace id -> text as stored (`r`, `w`, `rw`, ``, AJXP_VALUE_CLEAR, `n`, `d`);
    `parameters`, `actions`: scope -> plugin -> name -> decoded value; `group`: only users in it get it by itself."""

    id: str
    acls: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, Tree] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    actions: Mapping[str, Any] = field(default_factory=dict)
    applies: tuple[str, ...] = ()
    group: str | None = None
    owner: str | None = None
    label: str = ""
    legacy: bool = False
    readable: bool = True

    def parameter(self, plugin: str, name: str, scope: str = ALL) -> Any:
        """A parameter as stored, None without."""
        return self.parameters.get(scope, {}).get(plugin, {}).get(name)

    @property
    def sticky(self) -> bool:
        """Whether the role is applied after the others, whatever the order."""
        return truth(self.parameter("core.conf", "ROLE_FORCE_OVERRIDE"))


def unreadable(role_id: str) -> StoredRole:
    """The stand-in for a role that cannot be read."""
    return StoredRole(role_id, readable=False)


def read_role(role_id: str, value: Any, report: Callable[[Finding], None], owner: str | None = None) -> StoredRole:
    """The stored role of this id. Anything but a role object gives an unreadable role and a finding."""
    if isinstance(value, PhpObject) and value.short_name == "AJXP_Role":
        return _role(role_id, value, report, owner)
    if isinstance(value, PhpObject) and value.short_name == "AjxpRole":
        return _old_role(role_id, value, owner)
    reason = value.reason if isinstance(value, Unreadable) else "it holds no role"
    report(finding(ROLE_UNREADABLE, "roles", role_id, reason=reason))
    return StoredRole(role_id, owner=owner, readable=False)


def _role(role_id: str, value: PhpObject, report: Callable[[Finding], None], owner: str | None) -> StoredRole:
    parameters = _tree(value.get("parameters"))
    masks: dict[str, Tree] = {}
    for workspace, mask in items(value.get("masks")):
        if mask is None:
            continue
        try:
            masks[workspace] = read_mask(mask)
        except BadMask:
            masks[workspace] = DENY_ALL
            report(finding(MASK_UNREADABLE, "roles", role_id, workspace=workspace))
    shown = text(parameters.get(ALL, {}).get("core.conf", {}).get("ROLE_DISPLAY_NAME"))
    if shown == VALUE_CLEAR:
        shown = None
    return StoredRole(
        role_id,
        acls=acl_texts(value.get("acls")),
        masks=masks,
        parameters=parameters,
        actions=_tree(value.get("actions")),
        applies=tuple(name for _, entry in items(value.get("autoApplies")) if (name := text(entry))),
        group=_group(value.get("groupPath")),
        owner=owner or path_text(value.get("ownerId")) or None,
        label=shown or text(value.get("roleLabel")) or "",
    )


def _old_role(role_id: str, value: PhpObject, owner: str | None) -> StoredRole:
    """`rights` mixes workspace ids and the key `ajxp.actions`; `default` roles went to every new user (3.0 to 4.2)."""
    rights = dict(items(value.get("rights")))
    actions = {
        ALL if scope == "ajxp.all" else scope: {"plugin.all": dict(items(names))} for scope, names in items(rights.pop("ajxp.actions", None))
    }
    acls = {name: acl for name, acl in acl_texts(rights).items() if not name.startswith("ajxp.")}
    applies = ("all",) if truth(value.get("default")) else ()
    return StoredRole(role_id, acls=acls, actions=actions, applies=applies, group=_group(value.get("groupPath")), owner=owner, legacy=True)


def acl_texts(value: Any) -> dict[str, str]:
    """Workspace id -> right as text; what is no text counts as nothing said."""
    return {name: (text(right) or "").strip() for name, right in items(value)}


def _group(value: Any) -> str | None:
    group = path_text(value)
    return normal_group(group) if group else None


def _tree(value: Any) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        scope: {plugin: dict(items(names)) for plugin, names in items(plugins) if isinstance(names, Mapping)}
        for scope, plugins in items(value)
        if isinstance(plugins, Mapping)
    }


class RoleBook(Mapping[str, StoredRole]):
    """Every stored role but personal ones and those of links (which are many and concern nobody, unless an administrator put rights
    into MINISITE_NODOWNLOAD and gave it to people)."""

    def __init__(self, rows: Iterator[RoleRow], report: Callable[[Finding], None]) -> None:
        self._roles: dict[str, StoredRole] = {}
        for row in rows:
            if row.id.startswith(PERSONAL_PREFIX):
                continue
            if LINK_ROLE.match(row.id) and not (row.id == NO_DOWNLOAD and read_role(row.id, row.value, report, row.owner).acls):
                continue
            if row.id in self._roles:
                report(finding(DUPLICATE_ROLE, "roles", row.id))
            self._roles[row.id] = read_role(row.id, row.value, report, row.owner)

    def __getitem__(self, key: str) -> StoredRole:
        return self._roles[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._roles)

    def __len__(self) -> int:
        return len(self._roles)

    @cached_property
    def automatic(self) -> tuple[StoredRole, ...]:
        """Roles that apply to a profile by themselves; reserved ids and teams never do (4.3 and later)."""
        return tuple(role for role in self._roles.values() if role.applies and role.owner is None and not role.id.startswith("AJXP_"))

    @cached_property
    def masked(self) -> bool:
        """Whether any role uses path masks."""
        return any(role.masks for role in self._roles.values())


def role_record(role: StoredRole) -> Role:
    """The record of a stored role. Passwords and second-factor secrets among the parameters are left out."""
    return Role(
        id=RoleId(role.id),
        label=role.label,
        owner=Login(role.owner) if role.owner else None,
        acls={WorkspaceId(name): _acl(right) for name, right in role.acls.items()},
        masks={WorkspaceId(name): {NodePath(path): right.letters or "deny" for path, right in leaves(tree)} for name, tree in role.masks.items()},
        applies=role.applies,
        parameters=_public(role.parameters),
        actions=plain(role.actions),
        always_override=role.sticky,
    )


def _acl(stored: str) -> str:
    if stored in ("", "r", "w", "rw"):
        return stored
    return "rw" if stored == "wr" else CLEAR


def _public(parameters: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for scope, plugins in parameters.items():
        for plugin, names in plugins.items():
            kept = {name: plain(value) for name, value in names.items() if not _is_secret(plugin, name, value)}
            if kept:
                shown.setdefault(scope, {})[plugin] = kept
    return shown


def left_behind(role: StoredRole) -> set[Code]:
    """What secrets of this role mean for its owner: a second factor that is lost, credentials that are not carried."""
    found = set()
    for plugins in role.parameters.values():
        for plugin, names in plugins.items():
            for name, value in names.items():
                if plugin == "authfront.otp" and text(value) not in (None, "", "0", "false", VALUE_CLEAR):
                    found.add(SECOND_FACTOR)
                elif plugin.startswith("access.") and (text(value) or "") not in ("", VALUE_CLEAR) and _is_secret(plugin, name, value):
                    found.add(STORED_CREDENTIALS)
    return found


def _is_secret(plugin: str, name: str, value: Any) -> bool:
    return plugin == "authfront.otp" or bool(_SECRET.search(name)) or (text(value) or "").startswith(_SECRET_VALUE)
