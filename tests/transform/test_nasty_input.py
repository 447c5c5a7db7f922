"""Whatever names and structures an old server holds, there is a plan: no crash, no action twice, nothing lost."""

from __future__ import annotations

import pytest
from builders import SEED, Records, after, fresh_target, reach
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.cells.models import Features
from migrate.extract.records import Access, Group, Role, Root, Team, User, Workspace
from migrate.rights import Right
from migrate.transform.actions import from_json
from migrate.transform.plan import BadDataSourceName, PlanOptions, make_plan

nasty = st.one_of(
    st.sampled_from(
        [
            "",
            "/",
            "..",
            "*",
            "%",
            "a/b",
            "ROOT_GROUP",
            "ADMINS",
            "admin",
            "my-files",
            "pydiods1",
            "AJXP_USR_/",
            "AJXP_GRP_",
            "AJXP_GRP_/",
            "'=1+1",
            "\udce9",
            "a\0b",
            "x" * 300,
            "é",
            "e\u0301",
            "😀",
            "common-files",
            "settings",
            "=2F",
            "#c",
        ]
    ),
    st.text(st.characters(blacklist_categories=("Cs",)), max_size=6),
)
path = st.lists(nasty, max_size=3).map(lambda parts: "/" + "/".join(parts))
right = st.sampled_from([Right.READ, Right.WRITE, Right.READ_WRITE])


@st.composite
def records(draw: st.DrawFn) -> Records:
    logins = draw(st.lists(nasty, max_size=4, unique=True))
    spaces = draw(st.lists(nasty, max_size=4, unique=True))
    roles = draw(st.lists(nasty, max_size=4, unique=True))
    some = st.sampled_from(spaces) if spaces else nasty
    return Records(
        [
            User(
                x,
                draw(path),
                draw(nasty),
                draw(st.booleans()),
                draw(st.none() | nasty),
                (draw(nasty),),
                tuple(draw(st.lists(st.sampled_from(roles)))) if roles else (),
                tuple(roles),
                draw(nasty),
                draw(nasty),
                draw(nasty),
            )
            for x in logins
        ],
        [Group(p, draw(nasty)) for p in draw(st.lists(path, max_size=4, unique=True))],
        [
            Role(r, draw(nasty), acls={draw(some): draw(nasty | st.sampled_from(["r", "rw", "clear"]))}, masks={draw(some): {"/" + draw(nasty): "r"}})
            for r in roles
        ],
        [Team(draw(nasty), draw(nasty), o, (draw(nasty),), draw(st.booleans())) for o in logins[:2]],
        [
            Workspace(
                w,
                draw(nasty),
                draw(nasty),
                draw(st.sampled_from(["fs", "fs", "s3", "", "inbox"])),
                scope=draw(st.sampled_from(["shared", "user", "group"])),
                template=draw(st.booleans()) and draw(st.booleans()),
                description=draw(nasty),
            )
            for w in spaces
        ],
        [Root(w, None, None, draw(st.none() | path)) for w in spaces],
        [Access(x, {w: draw(right) for w in spaces}, {w: {draw(path): draw(right)} for w in spaces[:1]}) for x in logins],
    )


@given(records(), st.sampled_from(["enforce", "ignore"]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_there_is_always_a_plan_and_it_adds_up(world: Records, masks: str, modern: bool) -> None:
    target = fresh_target(Features() if modern else Features(role_order=False, policy_closes=False, wide_characters=False))
    plan = make_plan(world, target, options=PlanOptions(SEED, masks=masks))
    actions = list(plan.actions)
    assert len({a.id for a, _ in actions}) == len(actions)
    assert all(from_json(a.to_json()) == a for a, _ in actions)
    done = [(a.kind, a.record) for a, already in actions if getattr(a, "record", "") and not already]
    done += [(kind, key) for kind, key, *_ in plan.outcomes]
    for kind in ("users", "groups", "roles", "teams", "workspaces"):
        for record in getattr(world, kind)():
            if record.key.strip("/\0"):
                assert done.count((kind, record.key)) == 1, (kind, record.key)
    assert all(f.message and f.remedy for f in plan.findings)
    list(plan.proposals)
    made = after(target, [a for a, _ in actions])
    logins = {old: body for kind, old, body in plan.targets if kind == "users" and body["password"] != "existing"}
    spots = {str(body["uuid"]): old for kind, old, body in plan.targets if kind == "workspaces"}
    rows = {access.login: access.workspaces for access in world.access()}
    for old, body in logins.items():
        for uuid, has in reach(made, str(body["login"])).items():
            assert uuid in spots and has.within(rows[old].get(spots[uuid], Right.NONE))


@pytest.mark.parametrize("name", ["Legacy", "my-data", "", "x" * 34])
def test_a_data_source_name_that_cells_refuses_is_refused_before_anything_is_planned(name: str) -> None:
    with pytest.raises(BadDataSourceName):
        make_plan(Records(), fresh_target(), options=PlanOptions(SEED, data_source=name))
