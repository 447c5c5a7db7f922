"""States and takes back what a role may do on a node."""

from __future__ import annotations

from migrate.cells.api import acls
from migrate.cells.models import Acl
from migrate.load.nodes import NodeMissing
from migrate.load.tools import Result, Tools, performs
from migrate.rights import Right
from migrate.transform.actions import RemoveRight, SetRight

CLOSING_POLICY = "migration-closed"
"""Name of a security policy that does not exist: a rule with it gives nothing and takes nothing away from what lies below."""


@performs(SetRight)
def set_right(tools: Tools, action: SetRight, look: bool) -> Result:
    """Natural key: (node, role, workspace, action). Missing rules are added before contradicting ones are removed: the last
    rule of a workspace takes the workspace with it."""
    node = tools.nodes.uuid(action.node)
    wanted = rules_of(action, node)
    present = present_rules(tools, action.role, node, action.workspace)
    keys = {rule.key for rule in wanted}
    if {rule.key for rule in present} != keys and present:
        tools.ledger.keep_former(action.id, action.to_json(), {"rules": sorted(f"{a.action}={a.value}" for a in present)})
    acls.add_acls(tools.session, wanted, present)
    for rule in present:
        if rule.key not in keys:
            acls.delete_acl(tools.session, rule)
    return {"node": node, "before": sorted(f"{a.action}={a.value}" for a in present)}


@performs(RemoveRight)
def remove_right(tools: Tools, action: RemoveRight, look: bool) -> Result:
    """Every rule of the role on the node in the workspace; what was there before the migration is put back first."""
    try:
        node = tools.nodes.uuid(action.node)
    except NodeMissing:
        return {"gone": True}
    former = [Acl(node, action.role, action.workspace, name, value) for name, _, value in (rule.partition("=") for rule in action.former)]
    present = present_rules(tools, action.role, node, action.workspace)
    acls.add_acls(tools.session, former, present)
    keys = {rule.key for rule in former}
    for rule in present:
        if rule.key not in keys:
            acls.delete_acl(tools.session, rule)
    return {}


def present_rules(tools: Tools, role: str, node: str, workspace: str) -> list[Acl]:
    """What the server has of a role on a node in a workspace."""
    found = acls.search_acls(tools.session, actions=acls.RIGHTS, roles=[role], nodes=[node])
    return [rule for rule in found if rule.workspace == workspace]


def rules_of(action: SetRight, node: str) -> list[Acl]:
    """The access rules that state a right on a node."""
    if action.mode == "deny":
        return [Acl(node, action.role, action.workspace, "deny")]
    if action.mode == "close":
        return [Acl(node, action.role, action.workspace, "policy", CLOSING_POLICY)]
    names = [name for flag, name in ((Right.READ, "read"), (Right.WRITE, "write")) if flag in action.right]
    return [Acl(node, action.role, action.workspace, name) for name in names]
