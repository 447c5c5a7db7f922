"""The stand-in refuses what is deeper than the index of Cells can hold, as the server does."""

from __future__ import annotations

import pytest

from migrate.cells.api import tree
from migrate.cells.auth import GivenToken
from migrate.cells.errors import CellsRefused
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session


def test_the_stand_in_refuses_what_the_index_cannot_hold() -> None:
    with Sandbox() as server, Session(server.url, GivenToken(server.token), sleep=lambda _s: None) as session:
        tree.create_folders(session, ["common-files/" + "/".join("d" * 505)])
        with pytest.raises(CellsRefused):
            tree.create_folders(session, ["common-files/" + "/".join("d" * 512)])
