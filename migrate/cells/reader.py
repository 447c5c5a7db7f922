"""What a Cells server is, who we are to it, and what it holds, read before anything is planned."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from migrate.cells.api import acls, datasources, discovery, groups, roles, tree, users, workspaces
from migrate.cells.errors import CellsRefused, NotACells, NotAdministrator, NotAllowed, TokenMissing, TokenScoped, WrongAnswer
from migrate.cells.models import AccessModel, Features, Node, Role, ServerFacts, Target, User, data_source_root
from migrate.cells.session import Session
from migrate.errors import Finding, Severity, code, finding

VERSION_NEWER = code(
    "F4010", Severity.WARNING, "Cells {version} is newer than the versions this program knows; it is treated as version 5.",
    "Try the migration on a copy of the server first.")
VERSION_UNKNOWN = code(
    "F4011", Severity.WARNING, "The version of Cells ({version}) is not clear; only what every version can do is used.",
    "Look at `cells version` on the server and try the migration on a copy first.")
VERSION_UNTRIED = code(
    "F4012", Severity.INFO, "Cells {version}: what is special about it was read in its source, not tried.",
    "Try the migration on a copy of the server first.",
    "Versions 3.0.9 and 4.1 were run and compared call by call. Other versions are handled by what their source says.")
TOKEN_SCOPED = code(
    "F4013", Severity.ERROR, "The token seems to be limited to single documents (scope): it can see none of the workspaces of {subject}.",
    "Make a token without `-s`: cells admin user token -u {subject} -e 24h -q.",
    "A token with a scope keeps every administrative right but reads and writes no other file, so content could not be moved.")
NO_WORKSPACE_TO_TRY = code(
    "F4014", Severity.INFO, "Whether the token may read and write files could not be tried: {subject} has no workspace yet.",
    "Nothing to do; the first upload shows it.")

_VERSION = re.compile(r"v?(\d+)\.(\d+)")
NEWEST = 5
_PAGES = ("homepage", "settings")


@dataclass(frozen=True, slots=True)
class Loader:
    """The user behind the token, proven to be an administrator. `given_roles`: all roles in the server's order."""

    login: str
    uuid: str
    group_path: str
    roles: tuple[str, ...]


def read_facts(session: Session) -> tuple[ServerFacts, list[Finding]]:
    """Which server this is and what it can do. Public calls first, so that a wrong address is told before a wrong token.

    NotACells when the address answers something else, CellsUnreachable when nothing, TokenRefused for a bad token. Nothing
    is learnt from error texts: only from the version, the package and the server's own interface description."""
    try:
        found = discovery.discover(session, anonymous=True)
        if not isinstance(found.get("Endpoints"), dict):
            raise NotACells(url=session.url, detail="its discovery names no endpoints")
    except (WrongAnswer, CellsRefused) as error:
        raise NotACells(url=session.url, detail=f"{error.status} {error.reason}".strip()) from None
    try:
        found = discovery.discover(session)
    except NotAllowed as error:  # a good token of somebody who is no administrator is refused even this (4.1)
        raise NotAdministrator(login=discovery.state(session).login or "somebody", detail=f"{error.status} {error.reason}".strip()) from None
    version = str(found.get("Version") or "")
    if not version:
        raise TokenMissing(detail="Cells took it for no token at all")
    try:
        description = discovery.openapi(session)
    except CellsRefused:
        description = {}
    return facts_of(session.url, version, str(found.get("PackageType") or ""), description)


def facts_of(url: str, version: str, package: str, description: object) -> tuple[ServerFacts, list[Finding]]:
    """The facts, from what `discovery` and `openapi` say."""
    paths = description.get("paths") if isinstance(description, dict) else None
    definitions = description.get("definitions") if isinstance(description, dict) else None
    paths = paths if isinstance(paths, dict) else {}
    definitions = definitions if isinstance(definitions, dict) else {}
    cell = definitions.get("restCell")
    cell_fields = cell.get("properties") if isinstance(cell, dict) else None
    rest_v2 = any(path.rstrip("/").endswith("/n/nodes") for path in paths)
    enterprise = package == "PydioEnterprise" or any(path.endswith("/auth/token/impersonate") for path in paths)
    match = _VERSION.match(version)
    numbers = (int(match[1]), int(match[2])) if match else (0, 0)
    major = max(numbers[0], 5) if rest_v2 else numbers[0]
    findings = []
    if major > NEWEST:
        findings.append(finding(VERSION_NEWER, "server", url, version=version))
        major = NEWEST
    elif major == 0:
        findings.append(finding(VERSION_UNKNOWN, "server", url, version=version))
    elif major not in (3, 4) or numbers > (4, 1):
        findings.append(finding(VERSION_UNTRIED, "server", url, version=version))
    features = Features(
        role_order=major in (2, 3, 4), policy_closes=major in (3, 4), content_hash=major in (4, 5), wide_characters=major in (4, 5),
        rpc_three_parts=major in (4, 5), cell_expiry=isinstance(cell_fields, dict) and "AccessEnd" in cell_fields, rest_v2=rest_v2, enterprise=enterprise)
    edition = "Enterprise" if enterprise else "Home" if package in ("PydioHome", "") else package
    return ServerFacts(url, version, edition, major or 4, features), findings


def whoami(session: Session) -> tuple[Loader, list[Finding]]:
    """The token's owner, and proof that he may administer: an administrative read, before the first write.

    NotAdministrator (exit 7) when Cells refuses that read; TokenRefused when the token itself is bad. A token that is
    limited to documents is told by a finding: it lists workspaces, but can look into none."""
    state = discovery.state(session)
    if not state.login:  # this page says so of a bad token; the next call has it renewed, or ends the run
        discovery.discover(session)
        state = discovery.state(session)
    if not state.login:
        raise TokenMissing(detail="Cells does not know whose it is")
    try:
        datasources.list_data_sources(session)
    except NotAllowed as error:
        raise NotAdministrator(login=state.login, detail=f"{error.status} {error.reason}".strip()) from None
    user = users.get_user(session, state.login)
    if user is None:
        raise NotAdministrator(login=state.login, detail="its account is not shown")
    if user.profile != "admin":
        raise NotAdministrator(login=state.login, detail=f"its profile is {user.profile}")
    return Loader(user.login, user.uuid, user.group_path, user.roles), _scope_findings(session, state, user.roles)


def require_files(session: Session) -> Loader:
    """As `whoami`, before the first write of a run: TokenScoped instead of a finding."""
    owner, findings = whoami(session)
    if any(found.code == TOKEN_SCOPED.code for found in findings):
        raise TokenScoped(url=session.url, login=owner.login)
    return owner


def _scope_findings(session: Session, state: discovery.State, given_roles: tuple[str, ...]) -> list[Finding]:
    """A scoped token is listed no workspace at all (seen on 4.1), though its user's roles open some; or it is listed some
    and can look into none. Workspaces over built-in pages have no files. One that opens is enough. Personal files are left
    alone: looking into them makes the folder, and a rehearsal makes nothing."""
    to_try = [w for w in state.workspaces if "r" in w.acl and w.slug and w.slug != "personal-files" and w.uuid not in _PAGES][:5]
    if any(tree.caller_can_stat(session, w.slug) for w in to_try):
        return []
    if to_try or _opens_something(session, given_roles):
        return [finding(TOKEN_SCOPED, "token", state.login)]
    return [finding(NO_WORKSPACE_TO_TRY, "token", state.login)]


def _opens_something(session: Session, given_roles: tuple[str, ...]) -> bool:
    """Whether the rules of these roles, in their order, make some workspace readable."""
    model = AccessModel.of(acls.search_acls(session, actions=acls.RIGHTS, roles=given_roles))
    masks = model.masks(given_roles)
    return any("read" in masks.get(node, ()) for workspace, nodes in model.roots(given_roles).items() if workspace not in _PAGES for node in nodes)


def read_target(session: Session, facts: ServerFacts, loader: Loader, folders: Iterable[str] = ()) -> Target:
    """What the server holds, by listings. `folders`: paths (data source first) whose uuids the plan wants to know.

    People are without hidden users (those behind links) and without the anonymous one; the roles of those are kept, so that
    their rules can be told from leftovers. Shares of everybody are among the workspaces."""
    people: dict[str, User] = {}
    known: dict[str, Role] = {role.uuid: role for role in roles.search_roles(session)}
    for user in users.search_users(session):
        if user.hidden or user.profile == "anon":
            known[user.uuid] = Role(user.uuid, "User " + user.login, user_role=True)
        else:
            people[user.login] = user
    all_sources = datasources.list_data_sources(session)
    return Target(
        facts, loader.login, loader.uuid,
        users=people,
        groups={group.path: group for group in groups.search_groups(session) if group.path != "/"},
        roles=known,
        acls=tuple(acls.search_acls(session)),
        workspaces={w.uuid: w for w in workspaces.search_workspaces(session)},
        data_sources={source.name: source for source in all_sources},
        nodes=_nodes(session, [source.name for source in all_sources], folders),
    )


def _nodes(session: Session, sources: Iterable[str], folders: Iterable[str]) -> dict[str, str]:
    found = {name: data_source_root(name) for name in sources}
    found.update({node.path: node.uuid for node in datasources.list_virtual_nodes(session)})
    for path in folders:
        if path.partition("/")[0] not in found:  # asking for an unknown source takes the server most of a minute
            continue
        node: Node | None = tree.admin_stat(session, path)
        if node is not None and not node.is_file:
            found[node.path] = node.uuid
    return found
