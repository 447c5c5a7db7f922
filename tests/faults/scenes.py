"""Which runs are disturbed: a first migration by each way, the week after, an undo. Each has a calm end to be compared with."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import night
from film import Filmed, Shot, Tried, Wanted, nothing
from week import without_user

from fixtures.generator import build
from fixtures.generator.description import Entry, File, Link, Metadata, Organisation, Rights, Share, User, Workspace
from migrate.ledger import Ledger
from migrate.load import shares

TAKEN_BACK = ("people", "roles", "acls", "workspaces", "links", "namespaces", "values", "tags", "subscriptions", "sources")
"""What an undo without a purge takes back."""


def week_later() -> Organisation:
    """The organisation of the night, a week on: somebody new, somebody gone, rights more and less, a changed file, a new one, a new share and
    link, one ended, a value and a comment gone (the comment's file is locked), a watch changed, a bookmark gone, a quota raised, a new name."""
    was = without_user(night.organisation(), "ext")
    changes: dict[str, dict[str, Any]] = {"ann": {"quota": "2G"}, "bo": {"display_name": "Bo again", "rights": Rights()}}
    return replace(
        was,
        users=(*(replace(u, **changes.get(u.login, {})) for u in was.users),
               User("new", "Night-9", "/crew", display_name="New", rights=Rights(acls={"quay": "rw"}))),
        roles=tuple(replace(r, label="Editors in chief") for r in was.roles),
        workspaces=(*was.workspaces, Workspace("quay", "Quay", "quay", "AJXP_DATA_PATH/workspaces/quay")),
        files=(*(replace(f, size=900, mtime=1_400_000_000) if f.path == b"/Plans/site.txt" else f for f in was.files),
               File("quay", b"/crane.txt", 50, 1_400_000_001), File("dock", b"/Quay", None, 1_400_000_002)),
        shares=(*(s for s in was.shares if s.id != "leaflet"), Share("late", "bo", "dock", "/Quay", label="Late", entries=(Entry("user", "ann", "r"),)),
                Share("late-link", "ann", "dock", "/Plans/site.txt", True, "site.txt", links=(Link("77aa88", password="Late link"),))),
        metadata=(Metadata("dock", "/Plans", {"tags_f": "harbour,été"}),), comments=(),
        marks=tuple(replace(m, text="both") if m.kind == "watch" else m for m in was.marks if m.kind != "bookmark"),
    )


@dataclass
class Scene:
    """A run to disturb. `prepare` brings server and work folder to where it starts; `act` is the run, and the same again resumes it.
    `world` holds all folders that the run writes to, `work` among them."""

    name: str
    base: Path
    options: tuple[str, ...] = ()
    prepare: Callable[[Scene], None] = lambda scene: None
    command: Callable[[Scene], night.Ran] | None = None
    afterwards: Callable[[Scene], None] = lambda scene: None
    parts: tuple[str, ...] = ()
    old: Path = field(init=False)
    server: Filmed = field(init=False)
    calm: dict[str, Any] = field(init=False)
    untouched: bytes = field(init=False)
    total: int = 0

    def __post_init__(self) -> None:
        self.old = self.base / "old"
        self.world = self.base / "world"
        self.work = self.world / "w"

    def __enter__(self) -> Scene:
        build(night.organisation(), self.old)
        self.world.mkdir(parents=True)
        self.server = Filmed(self.base / "film")
        self.server.start()
        os.environ["CELLS_TOKEN"] = self.server.token
        self.untouched = self.server.save()
        self.prepare(self)
        self._start = self.keep("start")
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        shutil.rmtree(self.base, ignore_errors=True)

    def act(self) -> night.Ran:
        if self.command is not None:
            return self.command(self)
        return night.migrate(self.old, self.server.url, self.work, *self.options)

    def keep(self, name: str) -> Shot:
        """Server and folders as they are now."""
        copy = self.base / "kept" / name
        shutil.copytree(self.world, copy, symlinks=True)
        return Shot(0, name, "", self.server.save(), copy)

    def go_to(self, shot: Shot, *, used_up: bool = False) -> None:
        """Server and folders are as they were. `used_up`: the shot is not needed again."""
        os.environ["CELLS_TOKEN"] = self.server.token
        self.server.put_back(shot.server)
        shutil.rmtree(self.world, ignore_errors=True)
        if shot.work is None:
            self.world.mkdir()
        elif used_up:
            os.rename(shot.work, self.world)
        else:
            shutil.copytree(shot.work, self.world, symlinks=True)

    def clear(self) -> None:
        """Empty folders."""
        shutil.rmtree(self.world)
        self.world.mkdir()

    def start(self) -> None:
        """As before the run."""
        self.go_to(self._start)

    def look(self) -> dict[str, Any]:
        """What is compared."""
        self.afterwards(self)
        shot = self.server.snapshot()
        return {part: shot[part] for part in self.parts or shot}

    def film(self, wanted: Wanted = nothing) -> list[Shot]:
        """An undisturbed run; what it leaves becomes the measure."""
        self.start()
        self.total = self.server.film(self._acts_well, self.world, wanted, self.base / "calm.txt")
        self.calm = self.look()
        return list(self.server.shots)

    def _acts_well(self) -> None:
        ran = self.act()
        if ran.status:
            (self.base / "calm.txt").write_text(ran.out + ran.err)
            raise SystemExit(1)

    def resumed(self, name: str) -> str:
        """Go on from where the server and the folders are; what differs from a calm end, empty when nothing does."""
        again = self.act()
        found = night.changed(self.calm, self.look())
        with Ledger.open(self.work) as ledger:
            unsettled = [kind for kind, row in ledger.counts().items() if row["failed"] or (row["open"] and self.command is not undo)]
        if again.status == 0 and not found and not unsettled:
            return ""
        return f"{self.name}, {name}: exit {again.status} {found} {unsettled} {again.out[-300:]} {again.err[-400:]}"

    def sweep(self, tried: Tried, wanted: Wanted) -> Tried:
        """Kill at every position that is wanted, go on, compare."""
        shots = self.film(wanted)
        tried.total += self.total
        for shot in shots:
            tried.positions += 1
            if shot.like in tried.states:
                continue  # gone on from already
            tried.states.add(shot.like)
            self.go_to(shot, used_up=True)
            different = self.resumed(f"{shot.when} {shot.number} {shot.request}")
            tried.compared += 1
            tried.differences += [different] if different else []
        return tried


def positions(step: int, first: int = 1) -> Wanted:
    """Every `step`-th request, before or after in turn; in the long form every one, before and after (`MIGRATE_SHARE=1/4`: a quarter)."""
    share, _, shares_ = os.environ.get("MIGRATE_SHARE", "1/1").partition("/")

    def wanted(number: int, _request: str) -> tuple[str, ...]:
        if night.EVERY:
            return (night.BEFORE, night.AFTER) if number % int(shares_) == int(share) % int(shares_) else ()
        place, rest = divmod(number - first, step)
        return () if rest or number < first else ((night.BEFORE, night.AFTER)[place % 2],)

    return wanted


def after(pattern: str) -> Wanted:
    """After each request that fits."""
    return lambda _number, request: (night.AFTER,) if re.match(pattern, request) else ()


def undo(scene: Scene) -> night.Ran:
    return night.command("undo", "--work", scene.work, "--yes", "--quiet", *scene.options)


def finish(scene: Scene) -> night.Ran:
    return night.command("finish", "--work", scene.work, "--quiet", *scene.options)


def apply(scene: Scene) -> night.Ran:
    return night.command("apply", "--work", scene.work, "--accept-skips", "--quiet", *scene.options)


def planned(scene: Scene) -> None:
    ran = night.command("plan", "--legacy", scene.old, "--cells", scene.server.url, "--work", scene.work, "--quiet")
    assert ran.status == 0, ran.err


def moved(scene: Scene) -> None:
    ran = night.migrate(scene.old, scene.server.url, scene.work)
    assert ran.status == 0, ran.err


def week_passed(scene: Scene) -> None:
    moved(scene)
    shutil.rmtree(scene.old)
    build(week_later(), scene.old)


def lies_in_place(scene: Scene) -> None:
    """The workspace becomes a data source over a copy in the folder of Cells, which belongs to the world that is filmed."""
    mappings = scene.work / "mappings"
    mappings.mkdir(parents=True)
    (mappings / "workspaces.csv").write_text(f"old_workspace,data_source,route,folder,path\ndock,lies,in-place,{scene.world / 'cells' / 'lies'},dock\n")


def run_script(scene: Scene) -> None:
    """What the owner of the server does with the script for kept passwords."""
    script = scene.work / "keep-passwords.sql"
    if script.exists():
        scene.server.run_sql(script.read_text("utf-8"))


SCENES: dict[str, dict[str, Any]] = {
    "migrate": {},
    "apply": {"prepare": planned, "command": apply},
    "keep-rpc": {"options": ("--passwords", "keep", "--keep-by", "rpc")},
    "keep-sql": {"options": ("--passwords", "keep", "--keep-by", "sql"), "afterwards": run_script},
    "in-place": {"options": ("--in-place-copy", "run"), "prepare": lies_in_place},
    "delta": {"prepare": week_passed},
    "undo": {"prepare": moved, "command": undo, "parts": TAKEN_BACK},
    "undo-files": {"prepare": moved, "command": undo, "options": ("--purge", "files")},
    "finish": {"prepare": moved, "command": finish},
}


def scene(name: str, base: Path) -> Scene:
    return Scene(name, base, **SCENES[name])


def blind(patch: Any) -> None:
    """The planted fault: links are made again without a look whether they are there."""
    patch.setattr(shares, "_there", lambda *_a, **_k: None)
    patch.setattr(shares, "_search", lambda *_a, **_k: None)


def forgetful(patch: Any) -> None:
    """The planted fault of an undo: what was begun and not recorded as done is not looked for."""
    patch.setattr(Ledger, "effects", lambda self, begun=False, _whole=Ledger.effects: _whole(self, begun=False))
