"""The vocabulary of a Cells server: what it holds, as frozen values, and how it decides access."""

from migrate.cells.models.access import AccessModel, Masks, effective
from migrate.cells.models.objects import (
    MY_FILES,
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

__all__ = [
    "MY_FILES", "AccessModel", "Acl", "DataSource", "Features", "Group", "LiveWorkspace", "Masks", "Node", "Role",
    "ServerFacts", "Target", "User", "data_source_root", "effective", "node_parents",
]
