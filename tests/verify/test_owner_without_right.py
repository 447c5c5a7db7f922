"""An owner who lost the right on what he shares does not find his share, here as there: that is told and is no difference."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from faults import night

from fixtures.generator import build
from fixtures.generator.description import Entry, File, Link, Share, Workspace
from migrate.cells.sandbox import Sandbox


def test_the_share_of_an_owner_who_may_not_see_it_is_told(tmp_path: Path) -> None:
    was = night.organisation()
    closed = dataclasses.replace(
        was, workspaces=(*was.workspaces, Workspace("vault", "Vault", "vault", "AJXP_DATA_PATH/workspaces/vault")),
        files=(*was.files, File("vault", b"/Box", None, 1_400_000_003), File("vault", b"/Box/plan.txt", 5, 1_400_000_004)),
        shares=(*was.shares, Share("box", "ann", "vault", "/Box", label="Box", entries=(Entry("user", "bo", "r"),), links=(Link("b0c5b0"),))))
    with Sandbox() as server:
        with pytest.MonkeyPatch.context() as night_only:
            night_only.setenv("CELLS_TOKEN", server.token)
            ran = night.migrate(build(closed, tmp_path / "old"), server.url, tmp_path / "w", "--json").json
    assert ran["exit"] == 0 and ran["differences"] == [], ran["differences"]
    told = {found["subject"] for found in ran["findings"] if found["code"] == "F6123"}
    assert told == {"Box", "b0c5b0"}
