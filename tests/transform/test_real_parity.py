"""On the real old servers: the plan gives everybody exactly the old rights on every workspace that is carried."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import SEED, Records, after, fresh_target, reach

from migrate.cells.models import Features
from migrate.extract.records import Root
from migrate.extract.source import Source
from migrate.rights import Right
from migrate.transform.plan import PlanOptions, make_plan

SAMPLES = (
    "ajaxplorer-4.2.3-serial",
    "ajaxplorer-5.0.3-serial",
    "pydio-5.2.5-serial",
    "pydio-5.2.5-sqlite",
    "pydio-6.4.2-serial",
    "pydio-6.4.2-sqlite",
    "pydio-7.0.4-sqlite",
    "pydio-8.2.5-mysql",
    "pydio-8.2.5-sqlite",
)


class OnDisk(Records):
    """Records of a real installation; folders are looked up where they lie."""

    def entry(self, root_key: str, path: str) -> str | None:
        root: Root | None = next((r for r in self.root_list if r.key == root_key), None)
        if root is None or root.folder is None:
            return None
        return "dir" if os.path.isdir(root.folder + path) else "file" if os.path.exists(root.folder + path) else None


@pytest.mark.shared
@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("features", [Features(), Features(role_order=False, policy_closes=False, wide_characters=False)], ids=["order", "no-order"])
def test_nobody_of_a_real_server_sees_more_or_less(name: str, features: Features, sample: Callable[[str], Path]) -> None:
    source = Source.open(sample(name), now=1_700_000_000)
    try:
        records = OnDisk(
            [*source.users()], [*source.groups()], [*source.roles()], [*source.teams()], [*source.workspaces()], [*source.roots()], [*source.access()]
        )
    finally:
        source.close()
    for masks in ("ignore", "enforce"):
        target = fresh_target(features)
        plan = make_plan(records, target, options=PlanOptions(SEED, masks=masks))
        actions = [action for action, _ in plan.actions]
        assert len({a.id for a in actions}) == len(actions)
        done = after(target, actions)
        spots = {old: body["uuid"] for kind, old, body in plan.targets if kind == "workspaces"}
        logins = {old: body["login"] for kind, old, body in plan.targets if kind == "users"}
        fs = {w.id for w in records.workspaces() if w.driver == "fs" and not w.template and not w.shared_child}
        assert fs <= set(spots)
        for access in records.access():
            there = reach(done, logins[access.login])
            for wid in fs:
                before, now = access.workspaces.get(wid, Right.NONE), there.get(spots[wid], Right.NONE)
                if masks == "enforce" and access.paths.get(wid):
                    assert now.within(before)
                else:
                    assert now == before, (access.login, wid)
            if logins[access.login] not in target.users:
                assert set(there) <= set(spots.values())
        again = make_plan(records, done, options=PlanOptions(SEED, masks=masks))
        assert [a for a, already in again.actions if not already and type(a).__name__ != "CarryFolder"] == []
