"""Which decisions of a plan should an administrator know of, and why is something left out? The codes of this room."""

from __future__ import annotations

from migrate.errors import Severity, code

INFO, WARNING, ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR

# -- people --------------------------------------------------------------------------------------------------------------
ACCOUNT_KEPT = code(
    "F2001",
    INFO,
    "There is an account {subject} in Cells already; it is kept as it is and only receives rights.",
    "If it is another person, name another login for the old one in users.csv.",
    "Password, profile, name, group and roles of an account that this migration did not make are never touched. Rights go onto its own role.",
)
LOGIN_RENAMED = code(
    "F2002",
    WARNING,
    "The login {subject} cannot be used in Cells ({reason}); it becomes {new}.",
    "Tell this person the new login, or choose another one in users.csv.",
    "Characters that Cells mishandles are written as = and two hexadecimal digits per byte; too long logins are cut.",
)
LOGIN_CASE = code(
    "F2003",
    WARNING,
    "The login {subject} differs from {other} only by upper and lower case.",
    "Check that both are wanted; a server that ignores case would take them for one.",
)
GROUP_ADMIN = code(
    "F2004",
    WARNING,
    "{subject} administered the group {group} only; Cells has no such rank, the account becomes an ordinary one.",
    "Make the account an administrator in Cells if this is wanted, or set the profile in users.csv.",
)
GUEST_SKIPPED = code(
    "S2001",
    INFO,
    "The account {subject} is the anonymous guest of the old server; it is not a person.",
    "Set action keep and a profile in users.csv if somebody really used it.",
)
USER_SKIPPED = code("S2002", INFO, "The mapping file says to leave the account {subject} out.", "Change its line in users.csv to carry it.")
LOGIN_EMPTY = code("S2003", ERROR, "An account has no usable login.", "Give it a login in users.csv.")
LOGIN_TAKEN = code(
    "S2004", ERROR, "The account {subject} would become {new}, which another account becomes already.", "Give one of them another login in users.csv."
)
WIDE_CHARACTERS = code(
    "F2005",
    WARNING,
    "The {field} of {subject} has characters that this version of Cells cannot store (such as emoji); they are left out.",
    "Nothing to do, or upgrade Cells first.",
)
LOCK_UNKNOWN = code(
    "F2006", INFO, "The account {subject} had to do something at its next login that Cells does not know ({lock}); this is dropped.", "Nothing to do."
)
OWNER_MISSING = code(
    "F2007",
    WARNING,
    "The external account {subject} belonged to {owner}, who is not carried over; it belongs to nobody.",
    "Decide in Cells who looks after this account.",
)
TEAM_MEMBER_KEPT = code(
    "F2008",
    WARNING,
    "{subject} was a member of teams or roles, but the account existed in Cells before; its roles are not touched.",
    "Add the account to the roles by hand in Cells if this is wanted. Its rights are complete either way.",
)
CHANGED_IN_CELLS = code(
    "F2010",
    INFO,
    "The account of {subject} says something else in Cells than on the old server ({what}): people changed it there, so it stays.",
    "Nothing, if that is wanted. Else change it in Cells to what the old server says.",
)
LOGIN_STAYS = code(
    "F2011",
    WARNING,
    "The account of {subject} is in Cells as {there} already; it keeps that login and does not become {new}.",
    "Nothing to do if that is right. To rename it: do so in Cells, or undo and migrate anew with the mapping file as it is now.",
)
PROFILE_UNKNOWN = code(
    "F2009",
    WARNING,
    "The profile {profile} of {subject} is not known in Cells; the account becomes an ordinary one with the same workspaces.",
    "Set the profile shared in users.csv if this account should be able to do as little as possible, or skip it.",
)

# -- groups, roles, teams --------------------------------------------------------------------------------------------------
GROUP_RENAMED = code(
    "F2101", INFO, "The group {subject} gets the technical name {new} ({reason}); its shown name stays.", "Nothing to do, or choose another name in groups.csv."
)
GROUP_ADOPTED = code(
    "F2102",
    WARNING,
    "There is a group {subject} in Cells already. People are put into it, but its rights are not changed: "
    "what the old group gave goes onto each person's own role.",
    "Check that it is the same group, or rename the old one in groups.csv.",
    "Rights on an existing group would reach members whom the old server did not know.",
)
GROUP_ODD = code("F2103", WARNING, "The path of group {subject} is odd ({reason}); it is cleaned.", "Check the groups of the old server.")
GROUP_LINE_WRONG = code(
    "F2106", WARNING, "The path that groups.csv names for {subject} cannot be used ({reason}); it becomes {new}.", "Correct its line in groups.csv."
)
GROUP_SKIPPED = code(
    "S2101", INFO, "The mapping file says to leave the group {subject} out; its people go to the group above.", "Change groups.csv to carry it."
)
ROLE_OF_GROUP = code("S2102", INFO, "The role {subject} is that of a group; its rights are carried with the group.", "Nothing to do.")
ROLE_PERSONAL = code("S2103", INFO, "The role {subject} is that of one person; its rights are carried with the account.", "Nothing to do.")
ROLE_OF_TEAM = code("S2104", INFO, "The role {subject} is a team; it is carried as one.", "Nothing to do.")
ROLE_TECHNICAL = code("S2105", INFO, "The role {subject} belongs to the machinery of the old server (links, guests); Cells has its own.", "Nothing to do.")
ROLE_SKIPPED = code(
    "S2106", INFO, "The mapping file says to leave the role {subject} out; what it gave goes onto people's own roles.", "Change roles.csv to carry it."
)
ROLE_ROOT = code("S2107", INFO, "The role {subject} was that of everybody; its rights go onto the role 'Everybody of the old server'.", "Nothing to do.")
TEAM_OWNER_GONE = code(
    "F2104", WARNING, "The owner {owner} of the team {subject} is not carried over; the team belongs to the administrators.", "Give the team an owner in Cells."
)
ROLE_NAMED = code("F2105", INFO, "The role {subject} has no name; its id is shown instead.", "Give it a name in Cells.")

# -- workspaces ------------------------------------------------------------------------------------------------------------
WORKSPACE_PAGE = code(
    "S2201", INFO, "{subject} is a page of the old application ({driver}), not a workspace with files.", "Nothing to do: Cells has its own pages."
)
WORKSPACE_REMOTE = code(
    "S2202",
    WARNING,
    "The workspace {subject} lies on another storage ({driver}).",
    "Mount it and plan with --path-map /remote/<workspace id>=WHERE, or (S3) make its bucket a data source of Cells: route in-place in workspaces.csv.",
)
WORKSPACE_TEMPLATE = code("S2203", INFO, "{subject} is a pattern for workspaces, nobody's workspace.", "Nothing to do.")
WORKSPACE_SKIPPED = code("S2204", INFO, "The mapping file says to leave the workspace {subject} out.", "Change workspaces.csv to carry it.")
WORKSPACE_SHARE = code("S2205", INFO, "{subject} is a shared folder; it is carried as a share, not as a workspace.", "Nothing to do.")
WORKSPACE_GONE = code("S2206", INFO, "The workspace {subject} does not exist any more.", "Nothing to do.")
WORKSPACE_EXPOSED = code(
    "S2207",
    ERROR,
    "The place that workspaces.csv names for {subject} is shown by a workspace of Cells to people who did not see these files.",
    "Name another data source or folder, or merge the workspace onto that one on purpose (action merge).",
)
REMOTE_STORAGE = code(
    "F2201",
    WARNING,
    "The files of workspace {subject} are on another storage ({driver}), which this tool does not copy.",
    "Mount that storage and plan with --path-map /remote/{subject}=WHERE: then its files are carried like those of a folder. A bucket (S3) that stays "
    "where it is becomes a data source of Cells with route in-place and data_source in workspaces.csv and --hand-over-original.",
)
SLUG_CHANGED = code(
    "F2202", INFO, "The address of workspace {subject} becomes {new} (it was {old}).", "Tell people who have bookmarks, or set slug in workspaces.csv."
)
NOT_PLACED = code("F2203", ERROR, "The workspace {subject} cannot be placed as workspaces.csv says: {reason}.", "Correct its line and plan again.")
SAME_FOLDER = code(
    "F2204",
    WARNING,
    "The workspaces {subject} and {other} show the same folder; its content is carried once and both show it.",
    "Nothing to do. A person with different rights in both keeps the workspace with more rights.",
    "In Cells a right belongs to the folder, whatever the workspace.",
)
NESTED_FOLDER = code(
    "F2205",
    INFO,
    "The folder of workspace {subject} lies inside that of {other}; it does in Cells, too.",
    "Nothing to do. Inside it, the right on {subject} decides for people who have both.",
)
FOLDER_MISSING = code(
    "F2206", WARNING, "The folder of workspace {subject} is not on this machine; the workspace will be empty.", "Name its place with --path-map."
)
DATA_SOURCE_TAKEN = code(
    "F2207",
    WARNING,
    "The data source {name} is shown by a workspace of Cells ({other}), so it is not used; {new} is made instead.",
    "Nothing to do. What people put there would be seen through that workspace.",
)
WORKSPACE_CLOSED = code(
    "F2208",
    INFO,
    "The workspace {subject} was in Cells before and is open to everybody there; it is closed to the people who come from the old server.",
    "Open it to them in Cells, on the role 'Everybody of the old server', if this is wanted.",
    "Nobody may see in Cells what was not to be seen before.",
)
NOT_CLOSED = code(
    "F2209",
    ERROR,
    "The workspace {subject} of Cells is open to everybody, and this server has no way to close it without closing what lies inside.",
    "Clear its default rights in Cells, then plan again.",
)
PERSONAL_CHOSEN = code(
    "F2210",
    INFO,
    "The workspace {subject} becomes people's personal files in Cells; other per-user workspaces become workspaces of their own.",
    "Name another one in workspaces.csv if this is wrong.",
)
PERSONAL_ADDED = code("F2211", INFO, "Old files of {subject} are added to the personal files this account already has in Cells.", "Nothing to do.")
NO_DATA_SOURCE = code(
    "F2212",
    ERROR,
    "No data source can be made for the old files: {reason}.",
    "Make a data source in Cells by hand and name it with --data-source or in workspaces.csv.",
)

# -- rights ----------------------------------------------------------------------------------------------------------------
CORRECTIONS = code(
    "F2301",
    INFO,
    "{count} rights of {people} people stand on their own roles, because groups and roles combine otherwise in Cells.",
    "Nothing to do; the plan lists each with its reason.",
)
RIGHT_LESS = code("F2302", WARNING, "{subject} had {before} on {workspace} and will have {planned}.", "Give the right in Cells if it is wanted: {reason}.")
RIGHT_MORE = code(
    "F2303",
    ERROR,
    "{subject} would have {planned} on {workspace} instead of {before}; it is closed for this person.",
    "Look at the rights of this workspace in Cells: {reason}.",
)
SAME_FOLDER_RIGHT = code(
    "F2304",
    INFO,
    "{subject} had {before} on {workspace}, which shows the same folder as another workspace where the right is {kept}; only the other one is shown.",
    "Nothing to do.",
)
MASKED = code(
    "F2305",
    INFO,
    "{subject} may see only parts of {workspace}; in Cells each of these folders appears as a folder of the workspace.",
    "Nothing to do.",
    "The old server listed them inside their parent folders.",
)
MASK_NOTHING = code(
    "F2306",
    WARNING,
    "The path {path} of {workspace}, which {subject} might see, is no folder on the disk; nothing is given there.",
    "Give the right by hand in Cells if it is needed.",
)
MASKS_IGNORED = code(
    "F2307",
    WARNING,
    "The path masks of role {subject} are ignored, as asked; people see the whole workspace {workspace}.",
    "Plan with masks enforced unless the old server really did not enforce them.",
)
DENIED_INSIDE = code(
    "F2308",
    WARNING,
    "{subject} is shut out of {workspace} with a denial, which this server applies to everything inside.",
    "Check what this person should reach inside it by shares.",
)
RIGHT_WITHDRAWN = code(
    "F2309", INFO, "{count} rights that an earlier run gave are taken back, because the old server does not give them any more.", "Nothing to do."
)
