"""After a migration everybody gets in as the plan promised, and no password, stored form or token lies where it should not."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.generator import demo_installation
from migrate.cells.auth import GivenToken, TokenSource, _Source
from migrate.cells.errors import LoginRefused, TokenRefused
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.extract.source import Source
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger
from migrate.report.export import build_export
from migrate.workflow.connect import Connection
from migrate.workflow.keeping import ALPHABET, Choice, WeakPasswords
from migrate.workflow.migrating import migrate_all
from migrate.workflow.outcome import Outcome
from migrate.workflow.verifying import verify_target

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "demo"


@pytest.fixture(scope="module")
def legacy() -> Path:
    return demo_installation(FIXTURES)


@pytest.fixture(scope="module")
def people(legacy: Path) -> Mapping[str, Mapping]:
    return {user["login"]: user for user in json.loads((FIXTURES / "expected.json").read_text(encoding="utf-8"))["users"]}


@pytest.fixture(scope="module")
def forms(legacy: Path) -> list[str]:
    with Source.open(legacy) as source:
        return [user.password_hash for user in source.users() if user.password_hash]


def migrate(work: Path, legacy: Path, server: Sandbox, choice: Choice, tokens: TokenSource | None = None) -> Outcome:
    with StopSignal() as stop:
        return migrate_all(work, legacy, None, {}, Connection(url=server.url, tokens=tokens or GivenToken(server.token)), mappings=None, masks="enforce",
                           data_source="legacy", recycle="skip", accept_skips=True, stop=stop, progress=lambda *_: None, say=lambda _: None, passwords=choice)


@contextmanager
def ways(work: Path) -> Iterator[dict[str, Mapping]]:
    with Ledger.open(work) as ledger:
        yield build_export(ledger)["users"]


def get_in(server: Sandbox, work: Path, people: Mapping[str, Mapping]) -> dict[str, str]:
    """Old login -> `in`, or what Cells says, for people whose old password is to be kept."""
    said = {}
    with ways(work) as export, Session(server.url, GivenToken("")) as session:
        for old, target in export.items():
            if target["password"] == "kept":
                try:
                    session.sign_in(target["login"], people[old]["password"])
                    said[old] = "in"
                except LoginRefused as error:
                    said[old] = str(error.fields["detail"])
    return said


def allowed(people: Mapping[str, Mapping], said: Mapping[str, str]) -> dict[str, str]:
    return {old: "User is locked - Please contact your admin" if "logout" in people[old]["locks"] else "in" for old in said}


def secrets_in(work: Path, secrets: list[str]) -> list[str]:
    """Files of the work folder that hold one of these, but those that are made to."""
    made_for_it = {"secrets.jsonl", "accounts.csv", "keep-passwords.sql"}
    found = []
    for path in sorted(p for p in work.rglob("*") if p.is_file() and p.name not in made_for_it and "letters" not in p.parts):
        raw = path.read_bytes()
        found += [path.name for secret in secrets if secret.encode() in raw]
    return found


def modes(work: Path) -> set[int]:
    files = [work / "secrets.jsonl", work / "accounts.csv", work / "keep-passwords.sql", *(work / "letters").glob("*")]
    return {path.stat().st_mode & 0o077 for path in files if path.exists()}


def test_after_the_script_everybody_signs_in_as_before(legacy: Path, people, forms: list[str], tmp_path: Path, capfd) -> None:
    with Sandbox() as server:
        migrate(tmp_path, legacy, server, Choice("keep"))
        assert "in" not in get_in(server, tmp_path, people).values()
        script = (tmp_path / "keep-passwords.sql").read_text(encoding="utf-8")
        assert server.run_sql(script) > 5
        said = get_in(server, tmp_path, people)
        assert len(said) > 5 and said == allowed(people, said)
        passwords = tmp_path / "known.csv"
        with passwords.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows((old, people[old]["password"]) for old in said)
        passwords.chmod(0o600)
        verified = verify_target(tmp_path, Connection(url=server.url, tokens=GivenToken(server.token)), progress=lambda *_: None, passwords_file=passwords)
        assert not [d for d in verified.extra["differences"] if d["kind"] == "passwords"]
        passwords.unlink()
        talk = "".join(capfd.readouterr())
        assert secrets_in(tmp_path, [*forms, server.token]) == []
        assert modes(tmp_path) == {0}
        assert not [form for form in forms if form in talk] and server.token not in talk
        script_can_be_taken_back(tmp_path, script)


def script_can_be_taken_back(work: Path, script: str) -> None:
    """It sets only what it saved, only of accounts, once; and its counterpart restores what still stands."""
    back = (work / "keep-passwords-undo.sql").read_text(encoding="utf-8")
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE TABLE idm_user_idx_tree (uuid TEXT PRIMARY KEY, leaf INTEGER, name TEXT, etag TEXT)")
        with Ledger.open(work) as ledger:
            kept = [target["uuid"] for _, target in ledger.targets("users") if target["password"] == "kept"]
        db.executemany("INSERT INTO idm_user_idx_tree VALUES (?, ?, '', 'former')", [(uuid, 2 if n == 0 else 1) for n, uuid in enumerate(kept)])

        def stored() -> list[str]:
            return [etag for (etag,) in db.execute("SELECT etag FROM idm_user_idx_tree ORDER BY rowid")]

        db.executescript(script)
        assert stored()[0] == "former" and all(etag != "former" for etag in stored()[1:])
        db.execute("UPDATE idm_user_idx_tree SET etag='chosen since' WHERE uuid=?", (kept[1],))
        db.executescript(script)
        assert stored()[1] == "chosen since"
        db.executescript(back)
        assert stored() == ["former", "chosen since", *["former"] * (len(kept) - 2)]


def test_the_internal_job_does_the_same_and_a_second_run_writes_nothing(legacy: Path, people, forms: list[str], tmp_path: Path) -> None:
    with Sandbox() as server:
        migrate(tmp_path, legacy, server, Choice("keep", "rpc"))
        said = get_in(server, tmp_path, people)
        assert len(said) > 5 and said == allowed(people, said)
        assert secrets_in(tmp_path, [*forms, server.token]) == []
        before = server.writes
        migrate(tmp_path / "fresh", legacy, server, Choice("keep", "rpc"))
        assert server.writes == before


def test_temporary_passwords_are_handed_over_once_and_have_to_be_changed(legacy: Path, people, tmp_path: Path) -> None:
    with Sandbox() as server:
        migrate(tmp_path, legacy, server, Choice(length=20))
        with (tmp_path / "accounts.csv").open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["way"] == "temporary"]
        assert len(rows) > 5
        with Session(server.url, GivenToken("")) as session:
            for row in rows:
                assert len(row["password"]) == 20 and set(row["password"]) <= set(ALPHABET)
                if "locked" in row["note"]:
                    continue
                session.sign_in(row["login"], row["password"])
                person = server.state.people.login(row["login"])
                assert "pass_change" in json.loads(person.attributes["locks"])
        letter = (tmp_path / "letters" / "anna.txt").read_text(encoding="utf-8")
        assert next(row["password"] for row in rows if row["login"] == "anna") in letter and "Passwort" in letter
        assert secrets_in(tmp_path, [row["password"] for row in rows]) == []
        assert modes(tmp_path) == {0}


class Next(_Source):
    """Tokens of a second each, as a --token-command gives them."""

    def __init__(self, server: Sandbox) -> None:
        super().__init__("next")
        self.server, self.given = server, []

    def _fetch(self) -> str:
        self.given.append(self.server.token_for("admin", life=1.0))
        return self.given[-1]


def test_a_run_that_its_token_ended_goes_on_with_new_ones_and_nothing_failed(legacy: Path, tmp_path: Path) -> None:
    with Sandbox(latency_ms=5) as server:
        with pytest.raises(TokenRefused):
            migrate(tmp_path, legacy, server, Choice("keep", "rpc"), GivenToken(server.token_for("admin", life=2.0)))
        with Ledger.open(tmp_path) as ledger:
            assert "failed" not in ledger.action_states()
        tokens = Next(server)
        outcome = migrate(tmp_path, legacy, server, Choice("keep", "rpc"), tokens)
        assert len(tokens.given) > 2
        assert not any(row["failed"] for row in outcome.counts.values())
        assert secrets_in(tmp_path, tokens.given) == []


@pytest.mark.parametrize(("length", "alphabet"), [(16, "ab"), (16, "a"), (16, "0123456789")])
def test_temporary_passwords_that_could_be_guessed_are_refused(length: int, alphabet: str) -> None:
    with pytest.raises(WeakPasswords):
        Choice.of({"password_length": length, "password_alphabet": alphabet})


def test_temporary_passwords_have_every_kind_of_character_and_the_length_that_cells_asks_for() -> None:
    make: Callable[[int], str] = Choice().make
    for minimum, length in ((8, 16), (24, 24)):
        text = make(minimum)
        assert len(text) == length and any(map(str.islower, text)) and any(map(str.isupper, text)) and any(map(str.isdigit, text))
    assert len({make(8) for _ in range(50)}) == 50
