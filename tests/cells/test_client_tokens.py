"""Where tokens come from, what is refused as a token, and that they are shown nowhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from migrate.cells.auth import CommandToken, EnvironmentToken, FileToken, GivenToken, PasswordToken, token_source
from migrate.cells.errors import LoginRefused, TokenCommandFailed, TokenMissing
from migrate.errors import ExitStatus

TOKEN = "t" * 43 + "." + "T" * 43
OTHER = "o" * 43 + "." + "O" * 43


def token_file(tmp_path: Path, text: str = TOKEN, mode: int = 0o600) -> Path:
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_file_gives_its_token_without_white_space(tmp_path):
    source = FileToken(token_file(tmp_path, TOKEN + "\n"))
    assert source.token() == TOKEN
    assert source.findings == []


def test_a_file_that_others_can_read_is_used_and_told(tmp_path):
    source = FileToken(token_file(tmp_path, mode=0o644))
    assert source.token() == TOKEN
    assert [f.code for f in source.findings] == ["F4001"]
    assert source.findings[0].remedy.startswith("chmod 600")


@pytest.mark.parametrize("text", ["", "  \n", "one\ntwo", "<!DOCTYPE html><html></html>", "with blanks in it", "Bearer " + TOKEN, "\x00\x01", "é" * 43])
def test_what_cannot_be_a_token_is_refused_without_being_shown(tmp_path, text):
    with pytest.raises(TokenMissing) as error:
        FileToken(token_file(tmp_path, text)).token()
    assert error.value.exit_status is ExitStatus.NOT_AUTHORISED
    if text.strip():
        assert text.strip()[:20] not in str(error.value)


def test_a_token_of_another_form_is_used_and_told(tmp_path):
    source = FileToken(token_file(tmp_path, "opaque-session-token"))
    assert source.token() == "opaque-session-token"
    assert [f.code for f in source.findings] == ["F4002"]


def test_a_missing_or_huge_file_is_told(tmp_path):
    with pytest.raises(TokenMissing):
        FileToken(tmp_path / "nothing").token()
    with pytest.raises(TokenMissing):
        FileToken(tmp_path).token()
    with pytest.raises(TokenMissing):
        FileToken(token_file(tmp_path, "x" * 100_000)).token()


def test_a_replaced_file_gives_the_new_token_only_when_the_old_one_is_refused(tmp_path):
    path = token_file(tmp_path)
    source = FileToken(path)
    assert source.token() == TOKEN
    path.write_text(OTHER)
    assert source.token() == TOKEN
    assert source.renew(TOKEN) == OTHER
    assert source.token() == OTHER
    assert source.renew(TOKEN) == OTHER  # another thread, late with the old one
    assert source.renew(OTHER) is None  # nothing newer there


def test_a_command_is_run_without_a_shell(tmp_path):
    marker = tmp_path / "made by a shell"
    source = CommandToken(f"{sys.executable} -c 'print(\"{TOKEN}\")' ; touch '{marker}'")
    assert source.token() == TOKEN
    assert not marker.exists()


def test_a_command_is_run_again_when_its_token_is_refused(tmp_path):
    count = tmp_path / "count"
    script = tmp_path / "give.py"
    script.write_text(
        f"import pathlib\np = pathlib.Path({str(count)!r})\nn = len(p.read_text()) if p.exists() else 0\n"
        f"p.write_text('x' * (n + 1))\nprint({TOKEN!r} if n == 0 else {OTHER!r})\n")
    source = CommandToken(f"{sys.executable} {script}")
    assert source.token() == TOKEN
    assert source.token() == TOKEN
    assert source.renew(TOKEN) == OTHER
    assert count.read_text() == "xx"


@pytest.mark.parametrize("program", ["import sys; sys.exit(3)", "pass", "print('usage: token'); print('more help')", "import time; time.sleep(30)"])
def test_a_command_that_gives_no_token_is_told_without_its_output_or_arguments(program):
    source = CommandToken(f"{sys.executable} -c \"{program}\" --password=hunter22", seconds=0.5 if "sleep" in program else 20)
    with pytest.raises(TokenCommandFailed) as error:
        source.token()
    assert "hunter22" not in str(error.value) + error.value.next_step
    assert "usage" not in str(error.value)


@pytest.mark.parametrize("command", ["", "'unbalanced", "/no/such/program"])
def test_a_command_that_cannot_be_started_is_told(command):
    with pytest.raises(TokenCommandFailed):
        CommandToken(command).token()


def test_the_environment_is_used_when_nothing_else_is_given(monkeypatch, tmp_path):
    monkeypatch.setenv("CELLS_TOKEN", TOKEN)
    assert token_source().token() == TOKEN
    assert token_source(token_file(tmp_path, OTHER)).token() == OTHER
    assert EnvironmentToken().renew(TOKEN) is None
    monkeypatch.delenv("CELLS_TOKEN")
    with pytest.raises(TokenMissing):
        token_source()


def test_a_session_is_made_anew_before_it_ends():
    now = [1000.0]
    given = [(TOKEN, 1600), (OTHER, 2200)]
    source = PasswordToken("jane", "long secret", lambda login, password: given.pop(0), now=lambda: now[0])
    assert source.token() == TOKEN
    now[0] = 1500.0
    assert source.token() == TOKEN
    now[0] = 1545.0
    assert source.token() == OTHER


def test_a_refused_password_is_never_tried_twice():
    tries = []

    def refuse(login, password):
        tries.append(login)
        raise LoginRefused(url="u", login=login, detail="Login failed")

    source = PasswordToken("jane", "long secret", refuse)
    for _ in range(3):
        with pytest.raises(LoginRefused):
            source.token()
    assert tries == ["jane"]


def test_no_source_shows_its_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLS_TOKEN", TOKEN)
    sources = [GivenToken(TOKEN), EnvironmentToken(), FileToken(token_file(tmp_path)), CommandToken(f"echo {TOKEN}"),
               PasswordToken("jane", "long secret", lambda a, b: (TOKEN, 10**10))]
    for source in sources:
        source.token()
        assert TOKEN not in repr(source)
        assert "long secret" not in repr(source)
