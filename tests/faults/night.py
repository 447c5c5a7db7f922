"""A server that misbehaves at a chosen request, an old installation with one of everything, and runs that are killed on the way."""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fixtures.generator.description import (
    Comment,
    Entry,
    File,
    Group,
    Link,
    Mark,
    Metadata,
    MetaField,
    Organisation,
    Rights,
    Role,
    Share,
    Team,
    User,
    Workspace,
)
from migrate.cells.sandbox import Sandbox
from migrate.cells.sandbox.faults import LOST
from migrate.cli.app import run

BEFORE, AFTER = "before", "after"
EVERY = os.environ.get("MIGRATE_SWEEP") == "all"
"""The long form (`make sweep`): every position instead of a sample."""

_TAGS = MetaField("tags_f", "tags", "Tags")
_STATUS = MetaField("doc_status", "choice", "Status", choices={"draft": "Draft", "final": "Final"})
_PICTURE = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000"
                         "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082")


def organisation(name: str = "night", **changes: Any) -> Organisation:
    """Few things, one of every kind that is carried."""
    parts: dict[str, Any] = dict(
        name=name,
        users=(
            User("admin", "Night-0", admin=True, profile="admin", display_name="Admin"),
            User("ann", "Night-1", "/crew", display_name="Ann Été", email="ann@night.example", roles=("editors",), avatar=_PICTURE,
                 rights=Rights(acls={"dock": "rw"}), quota="1G", preferences={"display": "thumb"}),
            User("bo", "Night-2", "/crew/night", display_name="Bo", rights=Rights(acls={"dock": "r"})),
            User("ext", "Night-3", profile="shared", parent="ann", display_name="Ext"),
        ),
        groups=(Group("/crew", "Crew", Rights(acls={"dock": "r"})), Group("/crew/night", "Night crew")),
        roles=(Role("editors", "Editors", Rights(acls={"dock": "rw"})),),
        teams=(Team("pair", "Pair", "ann", ("bo", "ext")),),
        workspaces=(
            Workspace("1", "My Files", "my-files", "AJXP_DATA_PATH/personal/AJXP_USER", static=True, recycle_bin="recycle_bin"),
            Workspace("ajxp_home", "Welcome", "welcome", driver="ajxp_home", static=True),
            Workspace("ajxp_conf", "Settings", "settings", driver="ajxp_conf", static=True),
            Workspace("dock", "Dock", "dock", "AJXP_DATA_PATH/workspaces/dock", fields=(_TAGS, _STATUS),
                      plugins=("meta.comments", "meta.filehasher", "meta.watch", "meta.simple_lock")),
        ),
        files=(
            File("dock", b"/Plans", None, 1_300_000_000),
            File("dock", b"/Plans/site.txt", 700, 1_300_000_001),
            File("dock", "/Plans/été ☂.txt".encode(), 20, 1_300_000_002),
            File("dock", b"/Public", None, 1_300_000_003),
            File("dock", b"/Public/leaflet.pdf", 1200, 1_300_000_004),
            File("1", b"/notes.txt", 90, 1_300_000_005, "ann"),
        ),
        shares=(
            Share("plans", "ann", "dock", "/Plans", label="Plans", entries=(
                Entry("user", "bo", "rw"), Entry("group", "/crew", "r"), Entry("user", "ext", "r"))),
            Share("public", "ann", "dock", "/Public", label="Public", links=(Link("a1b2c3", password="Night link é", limit=9, count=2),)),
            Share("leaflet", "bo", "dock", "/Public/leaflet.pdf", True, "leaflet.pdf", links=(Link("d4e5f6", layout="ajxp_unique_strip"),)),
        ),
        metadata=(Metadata("dock", "/Plans", {"tags_f": "harbour,été", "doc_status": "final"}),),
        marks=(
            Mark("bookmark", "ann", "dock", "/Plans", "Plans"),
            Mark("watch", "bo", "dock", "/Plans", "change"),
            Mark("lock", "ann", "dock", "/Plans/site.txt"),
        ),
        comments=(Comment("bo", "dock", "/Plans/site.txt", "Not yet é", 1_500_000_000),),
        everybody=Rights(acls={"1": "rw", "ajxp_home": "rw"}),
    )
    parts.update(changes)
    return Organisation(**parts)


class Disturbed(Sandbox):
    """At request number `at` (from 1; those that fit `which`, METHOD PATH, are counted while `armed`), before or after it is done,
    calls `strike`."""

    at = 0
    when = BEFORE
    which = ""
    armed = False
    seen = 0
    strike: Callable[[], None] | None = None

    def answer(self, method: str, target: str, *rest: Any, **more: Any) -> Any:
        if not self.armed or not re.match(self.which, f"{method} {target}"):
            return super().answer(method, target, *rest, **more)
        with self._count_lock:
            self.seen += 1
            hit = self.seen == self.at
        if hit and self.when == BEFORE and self.strike is not None:
            self.strike()
        given = super().answer(method, target, *rest, **more)
        if hit and self.when == AFTER and self.strike is not None:
            self.strike()
        return given


def fault(server: Sandbox, number: int, effect: int | str = LOST) -> None:
    """This happens to the request with this number from now on (LOST: it is carried out, but its answer never comes)."""
    server.faults.by_number[server.requests["all"] + number] = effect


class Ran:
    """What one command line did."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)  # type: ignore[no-any-return]


def command(*arguments: object) -> Ran:
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run([str(a) for a in arguments])
    return Ran(int(status), out.getvalue(), err.getvalue())


def migrate(old: Path, url: str, work: Path, *more: object) -> Ran:
    return command("migrate", "--legacy", old, "--cells", url, "--work", work, "--accept-skips", "--quiet", *more)


def in_child(target: Callable[[], object]) -> multiprocessing.process.BaseProcess:
    """Run in a forked process, so that it can be killed; silent."""
    def quietly() -> None:
        with open(os.devnull, "w") as nowhere:
            sys.stdout = sys.stderr = nowhere
            target()

    child = multiprocessing.get_context("fork").Process(target=quietly)
    child.start()
    return child


def killed(server: Disturbed, number: int, when: str, action: Callable[[], object]) -> bool:
    """Run `action` in a child that dies by -9 before or after request `number`; whether it was reached."""
    child: list[multiprocessing.process.BaseProcess] = []

    def strike() -> None:
        os.kill(child[0].pid or 0, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, child[0].pid or 0, os.WEXITED | os.WNOWAIT)  # dead before the request goes on

    server.seen, server.at, server.when, server.strike = 0, number, when, strike
    child.append(in_child(action))
    server.armed = True
    child[0].join(180)
    server.armed = False
    assert not child[0].is_alive()
    return child[0].exitcode == -signal.SIGKILL


def spread(total: int, sample: int) -> list[int]:
    """`sample` numbers up to `total`."""
    return sorted({max(1, round(total * (k + 0.5) / sample)) for k in range(sample)})


def positions(total: int, sample: int) -> list[int]:
    """Every number up to `total` in the long form, else `sample` spread over it; `MIGRATE_SHARE=1/2` takes every second."""
    numbers = list(range(1, total + 1)) if EVERY else spread(total, sample)
    share, _, shares = os.environ.get("MIGRATE_SHARE", "1/1").partition("/")
    return numbers[int(share) - 1::int(shares)]


def changed(wanted: dict[str, Any], got: dict[str, Any]) -> dict[str, Any]:
    """part -> (missing, extra) of two snapshots, empty when they are equal."""
    result = {}
    for part in wanted:
        if wanted[part] == got[part]:
            continue
        one, two = list(_lines(wanted[part])), list(_lines(got[part]))
        result[part] = ([x for x in one if x not in two][:5], [x for x in two if x not in one][:5])
    return result


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key in value:
            yield f"{key}: {value[key]}"
    elif isinstance(value, (list, tuple)):
        yield from map(str, value)
    else:
        yield str(value)
