"""What an administrator can type is documented, and what is documented can be typed."""

from __future__ import annotations

from pathlib import Path

import click
from commands import command

from migrate.cli.app import COMMANDS, cli
from migrate.cli.reference import commands_page

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_commands_is_the_programs_own() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert page == commands_page(), "run: python -m migrate.cli.reference > docs/commands.md"


def test_every_command_has_help_with_an_example() -> None:
    for name in COMMANDS:
        ran = command(name, "--help")
        assert ran.status == 0
        found = cli.get_command(click.Context(cli), name)
        assert found is not None and found.help and ("Example" in found.help), name


def test_every_option_says_what_it_does() -> None:
    for name in COMMANDS:
        found = cli.get_command(click.Context(cli), name)
        assert found is not None
        for option in found.params:
            if isinstance(option, click.Option):
                assert option.help, f"{name} {option.opts}"


def test_the_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text and "make test" in text and "run_migration.py demo" in text
