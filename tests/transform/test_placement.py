"""Where old workspaces stand in Cells: nodes, data sources, addresses, and what is never placed where others could see it."""

from __future__ import annotations

from builders import SEED, Records, after, fresh_target, plain_world, reach

from migrate.cells.models import DataSource, LiveWorkspace
from migrate.extract.records import Access, Root, User, Workspace
from migrate.rights import Right
from migrate.transform.actions import CarryFolder, CreateDataSource, CreateFolder, CreateWorkspace, OpenDesk, SetRight
from migrate.transform.mapping import Mappings, WorkspaceLine
from migrate.transform.plan import Plan, PlanOptions, make_plan

RW = Right.READ_WRITE


def planned(world: Records, mappings: Mappings | None = None, **target: object) -> Plan:
    return make_plan(world, fresh_target(**target), mappings, PlanOptions(SEED))


def spots(plan: Plan) -> dict[str, dict[str, str | None]]:
    return {old: body for kind, old, body in plan.targets if kind == "workspaces"}


def actions(plan: Plan, kind: type) -> list[object]:
    return [a for a, _ in plan.actions if isinstance(a, kind)]


def one(workspace: Workspace, folder: str | None = "/old/p") -> Records:
    return Records([User("u")], [], [], [], [workspace], [Root(workspace.id, None, None, folder)] if folder else [], [Access("u", {workspace.id: RW})])


def test_old_files_go_to_a_data_source_of_their_own_beside_the_first_one() -> None:
    plan = planned(plain_world())
    assert actions(plan, CreateDataSource) == [CreateDataSource("legacy", "", True, "pydiods1")]
    assert spots(plan)["p"]["root"] == "legacy/projects"
    assert {a.data_source for a in actions(plan, OpenDesk)} == {"legacy", "personal"}


def test_a_data_source_that_a_workspace_of_cells_shows_is_not_used() -> None:
    base = fresh_target()
    plan = planned(
        plain_world(),
        data_sources={**base.data_sources, "legacy": DataSource("legacy")},
        workspaces={**base.workspaces, "w": LiveWorkspace("w", "open", roots={"DATASOURCE:legacy": "legacy"})},
    )
    assert spots(plan)["p"]["data_source"] == "legacy2" and any(f.code == "F2207" for f in plan.findings)


def test_files_are_never_put_where_a_workspace_of_cells_shows_them_to_others() -> None:
    plan = planned(plain_world(), Mappings(workspaces={"p": WorkspaceLine("p", data_source="pydiods1")}))
    assert "p" not in spots(plan)
    assert ("workspaces", "p", "skipped", "S2207", None) in list(plan.outcomes)


def test_addresses_are_cleaned_unique_and_not_those_of_cells() -> None:
    names = {"a": "Équipe", "b": "common-files", "c": "settings", "d": "docs", "e": "DOCS", "f": "日本"}
    plan = planned(Records(workspace_list=[Workspace(k, v, v, "fs") for k, v in names.items()]))
    slugs = {old: body["slug"] for old, body in spots(plan).items()}
    assert slugs == {"a": "equipe", "b": "common-files-2", "c": "settings-2", "d": "docs", "e": "docs-2", "f": "workspace"}


def test_pages_templates_shares_and_remote_storages_are_no_workspaces_and_say_why() -> None:
    kinds = [
        Workspace("h", "Home", "h", "ajxp_home"),
        Workspace("t", "T", "t", "fs", template=True),
        Workspace("s", "S", "s", "fs", owner="u", parent="p", shared_child=True),
        Workspace("b", "Bucket", "b", "s3"),
        Workspace("f", "FTP", "f", "ftp"),
    ]
    plan = planned(Records(workspace_list=kinds))
    assert {key: code for kind, key, _, code, _ in plan.outcomes if kind == "workspaces"} == {
        "h": "S2201",
        "t": "S2203",
        "s": "S2205",
        "b": "S2202",
        "f": "S2202",
    }
    assert {f.subject for f in plan.findings if f.code == "F2201"} == {"b", "f"}


def test_one_per_user_workspace_becomes_personal_files_and_the_others_give_each_person_a_folder() -> None:
    world = Records(
        [User("amy"), User("a/b")],
        workspace_list=[Workspace("1", "My", "my-files", "fs", builtin=True, scope="user"), Workspace("0x", "Docs", "docs", "fs", scope="user")],
        root_list=[Root("1", "amy", None, "/o/amy"), Root("0x", "amy", None, "/o/d/amy"), Root("0x", "gone", None, "/o/d/gone")],
        access_list=[Access("amy", {"1": RW, "0x": Right.READ}), Access("a/b", {"1": RW, "0x": RW})],
    )
    plan = planned(world)
    assert (spots(plan)["1"]["root"], spots(plan)["0x"]["root"]) == ("my-files", "legacy/docs")
    assert {a.node for a in actions(plan, CreateFolder)} == {"legacy/docs", "legacy/docs/amy", "legacy/docs/a=2Fb"}
    assert {(a.root, a.node) for a in actions(plan, CarryFolder)} == {("1\0amy\0", "personal/amy"), ("0x\0amy\0", "legacy/docs/amy")}
    done = after(fresh_target(), [a for a, _ in plan.actions])
    assert reach(done, "amy")[str(spots(plan)["0x"]["uuid"])] == Right.READ


def test_without_personal_files_in_cells_the_personal_workspace_is_one_of_its_own() -> None:
    base = fresh_target()
    plan = planned(plain_world(), workspaces={"ws-common": base.workspaces["ws-common"]})
    assert spots(plan)["1"]["root"] == "legacy/my-files"


def test_each_group_has_its_folder_in_a_per_group_workspace() -> None:
    world = Records(
        [User("amy", "/sales/eu"), User("bob")],
        workspace_list=[Workspace("g", "G", "g", "fs", scope="group")],
        root_list=[Root("g", None, "/sales/eu", "/o/sales_eu"), Root("g", None, "/", "/o/")],
        access_list=[Access("amy", {"g": RW}), Access("bob", {"g": Right.READ})],
    )
    plan = planned(world)
    assert {a.node for a in actions(plan, CarryFolder)} == {"legacy/g/sales_eu", "legacy/g/_root"}
    assert {(a.node, a.right) for a in actions(plan, SetRight) if a.why == "own folder"} == {("legacy/g/sales_eu", RW), ("legacy/g/_root", Right.READ)}


def test_a_folder_that_two_workspaces_show_is_carried_once() -> None:
    world = Records(
        workspace_list=[Workspace(w, w, w, "fs") for w in ("out", "same", "zin")],
        root_list=[Root("out", None, None, "/o/x"), Root("same", None, None, "/o/x/"), Root("zin", None, None, "/o/x/50%/in")],
    )
    plan = planned(world)
    assert {w: body["root"] for w, body in spots(plan).items()} == {"out": "legacy/out", "same": "legacy/out", "zin": "legacy/out/50％/in"}
    assert [a.root for a in actions(plan, CarryFolder)] == ["out\0\0"]
    roots = {key: body for kind, key, body in plan.targets if kind == "roots"}
    assert roots["zin\0\0"]["carried_by"] == roots["same\0\0"]["carried_by"] == "out\0\0"


def test_in_place_indexes_the_folder_that_the_line_names() -> None:
    line = WorkspaceLine("p", data_source="old1", route="in-place", folder="/srv/copy/projects")
    plan = planned(one(Workspace("p", "P", "p", "fs")), Mappings(workspaces={"p": line}))
    assert actions(plan, CreateDataSource) == [CreateDataSource("old1", "/srv/copy/projects", False, "")]
    assert [a.root for a in actions(plan, CreateWorkspace)] == ["old1"] and actions(plan, CreateFolder) == []
    assert [(a.node, a.route) for a in actions(plan, CarryFolder)] == [("old1", "in-place")]


def test_in_place_copies_have_folders_named_like_the_logins() -> None:
    world = Records(
        [User("bob")],
        workspace_list=[Workspace("1", "My", "my-files", "fs", scope="user")],
        root_list=[Root("1", "bob", None, "/o/personal/Bob")],
        access_list=[Access("bob", {"1": RW})],
    )
    line = WorkspaceLine("1", data_source="old1", route="in-place", folder="/srv/copy/personal")
    plan = planned(world, Mappings(workspaces={"1": line}))
    assert [(a.node, a.right) for a in actions(plan, SetRight) if a.why == "own folder"] == [("old1/bob", RW)]


def test_merging_gives_what_people_had_and_shuts_out_the_others() -> None:
    world = Records(
        [User("a"), User("b")],
        workspace_list=[Workspace("p", "P", "p", "fs")],
        root_list=[Root("p", None, None, "/o")],
        access_list=[Access("a", {"p": Right.READ}), Access("b", {})],
    )
    mappings = Mappings(workspaces={"p": WorkspaceLine("p", "merge", cells_workspace="common-files")})
    plan = planned(world, mappings)
    done = after(fresh_target(), [a for a, _ in plan.actions])
    assert reach(done, "a")["ws-common"] == Right.READ and "ws-common" not in reach(done, "b")
    assert actions(plan, CreateWorkspace) == [] and [a.node for a in actions(plan, CarryFolder)] == ["pydiods1"]


def test_two_workspaces_merged_onto_one_give_what_a_person_had_on_both() -> None:
    world = Records(
        [User("a"), User("b")],
        workspace_list=[Workspace("p", "P", "p", "fs"), Workspace("q", "Q", "q", "fs")],
        access_list=[Access("a", {"p": RW}), Access("b", {"p": RW, "q": Right.READ})],
    )
    lines = {w: WorkspaceLine(w, "merge", cells_workspace="common-files") for w in "pq"}
    plan = planned(world, Mappings(workspaces=lines))
    done = after(fresh_target(), [a for a, _ in plan.actions])
    assert "ws-common" not in reach(done, "a") and reach(done, "b")["ws-common"] == Right.READ


def test_a_line_that_cannot_be_followed_is_an_error_and_the_rest_goes_on() -> None:
    plan = planned(plain_world(), Mappings(workspaces={"p": WorkspaceLine("p", "merge", cells_workspace="nowhere")}))
    assert "p" not in spots(plan) and "1" in spots(plan) and any(f.code == "F2203" for f in plan.findings)


def test_a_workspace_whose_folder_is_missing_is_made_empty_and_told() -> None:
    plan = planned(one(Workspace("p", "P", "p", "fs"), None))
    assert [a.slug for a in actions(plan, CreateWorkspace)] == ["p"] and any(f.code == "F2206" for f in plan.findings)


def test_a_slug_that_the_server_changed_is_sent_as_it_is_now() -> None:
    world = one(Workspace("p", "P", "p", "fs"))
    done = after(fresh_target(), [a for a, _ in planned(world).actions])
    uuid = str(spots(planned(world))["p"]["uuid"])
    done.workspaces[uuid] = LiveWorkspace(uuid, "p-1", "P", "", roots=done.workspaces[uuid].roots)  # type: ignore[index]
    again = make_plan(world, done, options=PlanOptions(SEED))
    assert [a for a, already in again.actions if not already and not isinstance(a, CarryFolder)] == []
