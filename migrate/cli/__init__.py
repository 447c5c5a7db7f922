"""The command line: one file per command; each parses, calls one function and prints."""

from migrate.cli.app import main

__all__ = ["main"]
