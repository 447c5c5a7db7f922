"""People lock files in Cells while the migration wants something of them: the one file waits, all others go on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import night
from week import Week

from fixtures.generator.description import Metadata, Organisation
from migrate.cells.api import metadata, tree
from migrate.cells.auth import GivenToken
from migrate.cells.session import Session

FILES = ("/Plans/site.txt", "/Public/leaflet.pdf")


def noted(was: Organisation, *files: str) -> Organisation:
    """These files say `draft`. Nothing of the old server is locked."""
    values = {"/Plans": {"tags_f": "harbour"}, **{file: {"doc_status": "draft"} for file in files}}
    return dataclasses.replace(was, metadata=tuple(Metadata("dock", path, of) for path, of in values.items()),
                               marks=tuple(m for m in was.marks if m.kind != "lock"), comments=())


def drafts(session: Session) -> set[str]:
    nodes = {node.uuid: file for file in FILES if (node := tree.admin_stat(session, "legacy/dock" + file)) is not None}
    return {nodes[v.node] for v in metadata.search_values(session, list(nodes)) if v.namespace == "usermeta-doc_status"}


def test_one_value_that_cannot_go_leaves_the_others_alone(tmp_path: Path, server: night.Disturbed) -> None:
    week = Week(tmp_path, server, noted(night.organisation(), *FILES))
    session = Session(server.url, GivenToken(server.token), allow_writes=True)
    assert drafts(session) == set(FILES)
    site = tree.admin_stat(session, "legacy/dock" + FILES[0])
    assert site is not None
    week.passes(lambda was: noted(was), lambda _week: metadata.add_lock(session, site.uuid, "bo"))
    week.plan()
    ran = night.command("apply", "--work", week.work, "--accept-skips", "--json")
    assert ran.status == 3 and "E4801" in ran.out, ran.out + ran.err
    assert drafts(session) == {FILES[0]}, "the other one is gone"
    assert metadata.list_locks(session, [site.uuid]) == {site.uuid: "bo"}, "people's lock stays"

    metadata.remove_lock(session, site.uuid, "bo")
    week.plan()
    week.apply()
    assert drafts(session) == set()
    week.quiet()


def test_an_undo_takes_back_the_fields_after_their_values(tmp_path: Path, server: night.Disturbed) -> None:
    """The field stays as long as one of its values does; the next undo ends it."""
    week = Week(tmp_path, server, noted(night.organisation(), *FILES))
    session = Session(server.url, GivenToken(server.token), allow_writes=True)
    site = tree.admin_stat(session, "legacy/dock" + FILES[0])
    assert site is not None
    metadata.add_lock(session, site.uuid, "bo")
    first = night.command("undo", "--work", week.work, "--yes", "--quiet")
    assert first.status == 3 and "usermeta-doc_status" in metadata.list_fields(session), first.out + first.err
    again = night.command("undo", "--work", week.work, "--yes", "--quiet")
    assert again.status == 0, again.out + again.err
    assert not [name for name in metadata.list_fields(session) if name in ("usermeta-doc_status", "usermeta-tags_f")]
