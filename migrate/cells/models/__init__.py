"""The vocabulary of a Cells server: what it holds, as frozen values, and how it decides access."""

from migrate.cells.models.access import AccessModel, Masks, effective
from migrate.cells.models.objects import (
    MY_FILES,
    ROOT_GROUP_ROLE,
    Acl,
    DataSource,
    Features,
    Group,
    LiveWorkspace,
    Node,
    Role,
    ServerFacts,
    Target,
    User,
    data_source_root,
    node_parents,
)
from migrate.cells.models.shares import LiveLink, LiveShares, PublicPage, SharedSpace

__all__ = [
    "MY_FILES", "ROOT_GROUP_ROLE", "AccessModel", "Acl", "DataSource", "Features", "Group", "LiveLink", "LiveShares",
    "LiveWorkspace", "Masks", "Node", "PublicPage", "Role", "ServerFacts", "SharedSpace", "Target", "User",
    "data_source_root", "effective", "node_parents",
]
