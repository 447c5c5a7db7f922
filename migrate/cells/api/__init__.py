"""One function for each call of the Cells REST interface, by family. Each takes the Session first, sends every key field
(3.x falls back to surprising defaults for absent ones) and refuses what would hit something else than meant."""

from migrate.cells.api import acls, datasources, discovery, groups, jobs, roles, tree, users, workspaces

__all__ = ["acls", "datasources", "discovery", "groups", "jobs", "roles", "tree", "users", "workspaces"]
