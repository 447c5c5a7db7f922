"""What may be wrong with a share or link, and what is to be done about it: the codes F1711 to F1726."""

from migrate.errors import Severity, code

OWNER_GONE = code(
    "F1711",
    Severity.WARNING,
    "Share {subject} belonged to {owner}, who has no account any more; it is not published.",
    "Let somebody else share the node again, if it is still needed.",
)
TARGET_GONE = code(
    "F1712",
    Severity.WARNING,
    "Share {subject} of {owner} shows {path}, which is not there any more; it is not published.",
    "Nothing needs to be done, unless the node was moved and should be shared again.",
)
CHILD_GONE = code(
    "F1713",
    Severity.WARNING,
    "Link {subject} belongs to a shared workspace that is not there any more; it was dead in the old application too.",
    "Nothing needs to be done.",
)
PROTECTION_UNKNOWN = code(
    "F1714",
    Severity.ERROR,
    "Link {subject} of {owner}: the technical user behind it is missing or unreadable, so neither its password nor its rights "
    "are known; it is not published.",
    "Ask the owner to share the node again.",
)
TARGET_UNKNOWN = code(
    "F1715",
    Severity.ERROR,
    "Share {subject} of {owner}: what it shows cannot be told ({reason}); it is not published.",
    "Ask the owner to share the node again.",
)
SELECTION = code(
    "F1716",
    Severity.WARNING,
    "Share {subject} of {owner} shows a selection of {count} files, which the new server cannot share as one; it is not published.",
    "Ask the owner to put the files into a folder and to share that.",
)
WORKSPACE_GONE = code(
    "F1717",
    Severity.WARNING,
    "Share {subject} of {owner} is in workspace {workspace}, which is not there any more; it is not published.",
    "Nothing needs to be done.",
)
LEFTOVER = code(
    "F1718",
    Severity.INFO,
    "The shared workspace {subject} of {owner} names nobody and has no link; it is left out.",
    "Nothing needs to be done.",
)
ROLE_RECIPIENT = code(
    "F1719",
    Severity.WARNING,
    "Share {subject} of {owner} was opened to everybody who has role {role}; a share can name people, groups and teams only.",
    "Add those people to the share after the migration.",
)
GROUP_UNKNOWN = code(
    "F1720",
    Severity.INFO,
    "Share {subject} of {owner} names group {group}, through which it reached nobody in the old application.",
    "Nothing needs to be done.",
)
RESTRICTED = code(
    "F1721",
    Severity.WARNING,
    "Link {subject} of {owner} could only be opened by the people it was sent to ({names}); the new server has no such links.",
    "Share the node with these people by name, or accept that the link stays closed.",
)
SIGN_IN = code(
    "F1722",
    Severity.INFO,
    "The address {subject} of {owner} opened a shared workspace after a normal sign-in; it is no public link.",
    "Its recipients find the share in their list.",
)
REMOTE_SHARE = code(
    "F1723",
    Severity.WARNING,
    "Link {subject} of {owner} was made for a person on another server.",
    "Share with that person again, by a link or an account.",
)
REMOTE_SENT = code(
    "F1727",
    Severity.WARNING,
    "{login} shared {name} with {user} on another server ({host}); such invitations are not carried over.",
    "Share with that person again, by a link or an account.",
)
REMOTE_RECEIVED = code(
    "F1725",
    Severity.WARNING,
    "{login} received {name} from another server ({host}); its files are there, not here.",
    "Ask the sender for a new share.",
)
COUNT_UNKNOWN = code(
    "F1726",
    Severity.WARNING,
    "How often link {subject} was used is stored nowhere and the logs are gone; its {limit} downloads are taken as used up.",
    "Raise the limit of the link after the migration, if it should work again.",
)
ANONYMOUS_OWNER = code(
    "F1724",
    Severity.WARNING,
    "Nobody is stored as the owner of link {subject}; it is not published.",
    "Let somebody share the node again.",
)
