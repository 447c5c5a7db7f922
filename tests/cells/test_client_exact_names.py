"""A folder that was indexed in place may have a name in decomposed form, and the server finds it by that form alone."""

from __future__ import annotations

import time
import unicodedata
from pathlib import Path

import pytest

from migrate.cells.api import datasources, tree
from migrate.cells.auth import GivenToken
from migrate.cells.errors import NotFound
from migrate.cells.models import DataSource
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.load.listings import Listings

NAME = unicodedata.normalize("NFD", "décomposé")


def test_what_lies_below_a_decomposed_name_is_found_under_its_exact_path(tmp_path: Path) -> None:
    (tmp_path / "parent" / "lies" / NAME / NAME).mkdir(parents=True)
    (tmp_path / "parent" / "lies" / NAME / NAME / "letter.txt").write_text("found")
    with Sandbox() as server, Session(server.url, GivenToken(server.token)) as session:
        peer = (datasources.list_peers(session) or [""])[0]
        datasources.create_data_source(session, DataSource("lies", "LOCAL", str(tmp_path / "parent" / "lies"), False, peer))
        for _ in range(100):  # the index takes a moment
            found = tree.admin_stat(session, f"lies/{NAME}/{NAME}/letter.txt")
            if found is not None:
                break
            time.sleep(0.1)
        assert found is not None and found.size == 5
        assert [node.path for node in tree.admin_list(session, f"lies/{NAME}")] == [f"lies/{NAME}/{NAME}"]
        assert Listings(session, "lies").find(f"{NAME}/{NAME}/letter.txt") is not None
        with pytest.raises(NotFound):
            list(tree.admin_list(session, "lies/" + unicodedata.normalize("NFC", NAME)))
