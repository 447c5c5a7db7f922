"""The inventory of nine real installations says what the applications themselves were told and reported."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from migrate.extract.inventory import write_inventory
from migrate.extract.source import Source

SAMPLES = (
    *("ajaxplorer-4.2.3-serial", "ajaxplorer-5.0.3-serial", "pydio-5.2.5-serial", "pydio-5.2.5-sqlite", "pydio-6.4.2-serial"),
    *("pydio-6.4.2-sqlite", "pydio-7.0.4-sqlite", "pydio-8.2.5-mysql", "pydio-8.2.5-sqlite"),
)
DUMPS = {"pydio-8.2.5-mysql": ("mysqldump/pydio8.sql", "mysqldump/pydio8.hexblob.sql")}
LAB_TIME = 1_795_400_000
"""Expiry is judged by the day the samples were made."""

pytestmark = pytest.mark.shared


def inventory_of(folder: Path, database: str | None = None, **options: bool) -> str:
    stream = io.StringIO()
    with Source.open(folder, database=database, now=LAB_TIME) as source:
        write_inventory(source, stream, **options)
    return stream.getvalue()


def fingerprint(folder: Path) -> str:
    """Names, sizes and times of everything below a folder."""
    digest = hashlib.sha256()
    for place, names, files in sorted(os.walk(folder)):
        for name in sorted(names + files):
            stat = os.lstat(os.path.join(place, name))
            digest.update(os.fsencode(f"{place}/{name} {stat.st_size} {stat.st_mtime_ns}\n"))
    return digest.hexdigest()


def cases():
    for name in SAMPLES:
        for dump in DUMPS.get(name, (None,)):
            yield pytest.param(name, dump, id=name + (f" {dump}" if dump else ""))


@pytest.mark.parametrize(("name", "dump"), list(cases()))
def test_the_inventory_agrees_with_the_truth_and_leaves_the_old_folder_alone(name, dump, sample, shared, tmp_path):
    folder = sample(name)
    before = fingerprint(folder)
    database = str(folder / dump) if dump else None
    text = inventory_of(folder, database, hashes=True, with_secrets=True)
    assert fingerprint(folder) == before
    (tmp_path / "inventory.json").write_text(text, "utf-8")
    checker = [sys.executable, str(shared / "tools" / "against_truth.py"), str(tmp_path / "inventory.json")]
    done = subprocess.run([*checker, str(shared / "legacy" / name / "truth.json"), "-v"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_two_inventories_of_one_installation_are_the_same(sample):
    folder = sample("pydio-8.2.5-sqlite")
    assert inventory_of(folder) == inventory_of(folder)


def test_without_the_option_no_link_password_and_never_a_hash_or_secret_is_written(sample):
    for name in ("ajaxplorer-4.2.3-serial", "pydio-8.2.5-sqlite"):
        text = inventory_of(sample(name))
        inventory = json.loads(text)
        assert all(share["link"]["password"] is None for share in inventory["shares"] if share["link"])
        assert not any(word in text for word in ("sha256:1000:", "8a1af12946b63f87a3093f5c7e68ac92", "s3cr3t/EXAMPLE+key", "$pydio_password$", "bobpass é"))


def test_with_the_option_the_link_passwords_of_old_files_are_written(sample):
    inventory = json.loads(inventory_of(sample("ajaxplorer-4.2.3-serial"), with_secrets=True))
    assert {share["link"]["password"] for share in inventory["shares"] if share["link"]} >= {"bobpass é", "Sh@re-P4ss"}


def test_masks_narrow_what_a_user_reaches(sample):
    inventory = json.loads(inventory_of(sample("pydio-8.2.5-sqlite")))
    (paths,) = inventory["effective_paths"]["heidi.o-brien_2"].values()
    assert paths == {"/Specs": "r", "/Confidential": ""}


def test_technical_users_and_their_roles_do_not_appear(sample):
    folder = sample("pydio-8.2.5-sqlite")
    inventory = json.loads(inventory_of(folder))
    with Source.open(folder, now=LAB_TIME) as source:
        technical = source.technical_logins()
    assert len(technical) >= 12
    shown = {user["login"] for user in inventory["users"]} | {role["id"].removeprefix("AJXP_USR_/") for role in inventory["roles"]}
    assert not shown & technical
    assert not any(role["id"].startswith(("AJXP_SHARED-", "MINISITE")) for role in inventory["roles"])
