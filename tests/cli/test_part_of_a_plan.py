"""A pilot: `apply` carries out a part of the plan; the rest waits and nothing is open in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import command

from migrate.cells.sandbox import Sandbox


@pytest.fixture
def planned(small: Path, tmp_path: Path, sandbox: Sandbox) -> Path:
    """A work folder with a plan."""
    assert command("plan", "--legacy", small, "--cells", sandbox.url, "--work", tmp_path / "w").status in (0, 3)
    return tmp_path / "w"


def logins(sandbox: Sandbox) -> set[str]:
    return {name.rpartition("/")[2] for name in sandbox.snapshot()["people"] if name.startswith("user:")}


def test_one_person_first_then_all_is_the_same_as_all_at_once(planned: Path, sandbox: Sandbox) -> None:
    before = logins(sandbox)
    name = _somebody(planned)
    part = command("apply", "--work", planned, "--user", name, "--json", "--accept-skips").json
    assert part["exit"] == 0 and "wait" in part["verdict"] and "omplete" not in part["verdict"]
    assert logins(sandbox) - before == {name}
    again = command("apply", "--work", planned, "--user", name, "--json", "--accept-skips").json
    assert again["requests"]["write"] == 0
    whole = command("apply", "--work", planned, "--json", "--accept-skips").json
    assert whole["exit"] == 0 and all(row["found"] == row["migrated"] + row["already"] + row["skipped"] for row in whole["counts"].values())
    assert command("verify", "--work", planned, "--json").json["differences"] == []


def test_an_account_never_comes_without_what_closes_things_for_it(planned: Path, sandbox: Sandbox) -> None:
    """`common-files` is open to every account of Cells: it is closed on the role that the person gets, in the same run."""
    before = set(sandbox.snapshot()["acls"])
    command("apply", "--work", planned, "--only", "users", "--accept-skips")
    new = set(sandbox.snapshot()["acls"]) - before
    assert any(acl[2:] == ("admin:common-files", "policy", "migration-closed") for acl in new), new


def test_one_workspace_only(planned: Path, sandbox: Sandbox) -> None:
    wanted = _workspace(planned)
    before = set(sandbox.snapshot()["workspaces"])
    part = command("apply", "--work", planned, "--workspace", wanted, "--json", "--accept-skips").json
    assert part["exit"] == 0, part
    made = set(sandbox.snapshot()["workspaces"]) - before
    assert len(made) == 1, made


@pytest.mark.parametrize(("option", "value"), [("--only", "nonsense"), ("--user", "nobody-of-that-name"), ("--workspace", "ffffffff")])
def test_a_misspelt_choice_is_refused(planned: Path, sandbox: Sandbox, option: str, value: str) -> None:
    ran = command("apply", "--work", planned, option, value, "--json")
    assert ran.status == 2 and ran.json["requests"]["write"] == 0 and value in ran.json["verdict"]


def _somebody(work: Path) -> str:
    from migrate.ledger import Ledger, State
    from migrate.transform.actions import CreateUser, from_json
    with Ledger.open(work) as ledger:
        return next(a.record for a in (from_json(r.body) for r in ledger.actions(State.PLANNED)) if isinstance(a, CreateUser))


def _workspace(work: Path) -> str:
    from migrate.ledger import Ledger, State
    from migrate.transform.actions import CreateWorkspace, from_json
    with Ledger.open(work) as ledger:
        return next(a.record for a in (from_json(r.body) for r in ledger.actions(State.PLANNED)) if isinstance(a, CreateWorkspace))
