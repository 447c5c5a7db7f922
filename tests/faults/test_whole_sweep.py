"""Killed at any request and resumed, every kind of run ends like an undisturbed one.

The short form takes some positions of each kind of run; `make sweep` all, before and after the request."""

from __future__ import annotations

from pathlib import Path

import night
import pytest
import scenes
from film import Tried

from migrate.cells.sandbox.faults import LOST

STEPS = {"migrate": 31, "keep-rpc": 90, "keep-sql": 110, "in-place": 90, "delta": 60, "undo": 37, "undo-files": 90, "finish": 7}
"""In the short form, every how manyth request of each kind of run."""


@pytest.mark.parametrize("name", STEPS)
def test_killed_anywhere_and_resumed(name: str, tmp_path: Path) -> None:
    with scenes.scene(name, tmp_path / "s") as scene:
        tried = scene.sweep(Tried(f"kill sweep, {name}"), scenes.positions(STEPS[name], 5))
    print(f"\n{tried}")
    assert tried.positions and not tried.differences, "\n".join(tried.differences)


def test_what_is_removed_to_be_set_anew_is_not_taken_for_removed_by_people(tmp_path: Path) -> None:
    """A quota of an earlier run is raised: killed between its removal and the new one."""
    with scenes.scene("delta", tmp_path / "s") as scene:
        tried = scene.sweep(Tried("killed while something is replaced"), scenes.after("POST /a/acl/bulk/delete"))
    assert tried.positions and not tried.differences, "\n".join(tried.differences)


@pytest.mark.parametrize(("name", "request_", "plant"), [
    ("migrate", "PUT /a/share/link", scenes.blind), ("delta", "PUT /a/share/link", scenes.blind), ("keep-rpc", "PUT /a/share/link", scenes.blind),
    ("undo", "", scenes.forgetful)])
def test_the_sweep_reports_a_planted_fault(name: str, request_: str, plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loader that repeats without looking, an undo that forgets what was begun."""
    plant(monkeypatch)
    with scenes.scene(name, tmp_path / "s") as scene:
        if name == "undo":
            assert killed_before_undo(scene)
            return
        tried = scene.sweep(Tried(f"planted fault, {name}"), scenes.after(request_))
    print(f"\n{tried}")
    assert tried.differences, "the sweep does not see a loader that makes things twice"


def killed_before_undo(scene: scenes.Scene) -> bool:
    """Whether an undo after a killed migration leaves something (it has to, with the fault)."""
    with night.Disturbed() as untouched:
        fresh = untouched.snapshot()
    scene.server.put_back(scene.untouched)
    scene.clear()
    scene.server.film(lambda: night.migrate(scene.old, scene.server.url, scene.work), scene.world, scenes.after("PUT /a/share/link"))
    scene.go_to(scene.server.shots[0])
    scenes.undo(scene)
    return bool(night.changed({part: fresh[part] for part in scenes.TAKEN_BACK}, scene.look()))


@pytest.mark.parametrize("name", ["apply", "undo"])
def test_a_lost_answer_is_looked_up(name: str, tmp_path: Path) -> None:
    """The server did it, and the answer never came. What fails for it is settled by the same command."""
    step = 1 if night.EVERY else 30
    with scenes.scene(name, tmp_path / "s") as scene:
        scene.film()
        tried = Tried(f"lost answers, {name}", scene.total)
        for number in range(5, scene.total + 1, step):
            tried.positions += 1
            scene.start()
            night.fault(scene.server, number, LOST)
            scene.act()
            different = scene.resumed(f"answer {number} lost")
            tried.compared += 1
            tried.differences += [different] if different else []
    print(f"\n{tried}")
    assert tried.positions and not tried.differences, "\n".join(tried.differences)


def test_a_request_that_arrives_twice_does_no_harm(tmp_path: Path) -> None:
    """A proxy may repeat what it passes on: each writing request of a run is carried out twice, one after the other."""
    step = 1 if night.EVERY else 25
    with scenes.scene("apply", tmp_path / "s") as scene:
        scene.film()
        tried = Tried("repeated requests", scene.total)
        for number in range(7, scene.total + 1, step):
            tried.positions += 1
            scene.start()
            scene.server.twice = {scene.server.requests["all"] + number}
            scene.act()
            different = scene.resumed(f"request {number} twice")
            tried.compared += 1
            tried.differences += [different] if different else []
    print(f"\n{tried}")
    assert tried.positions and not tried.differences, "\n".join(tried.differences)


def test_lost_answers_report_a_loader_that_repeats_without_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes.blind(monkeypatch)
    with scenes.scene("apply", tmp_path / "s") as scene:
        scene.film()
        scene.start()
        scene.server.faults.add(LOST, "PUT", "/a/share/link", times=1)
        scene.act()
        assert scene.resumed("blind")
