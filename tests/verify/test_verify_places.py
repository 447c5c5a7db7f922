"""Verification of workspaces."""

from __future__ import annotations

import dataclasses

from verify_world import PROJECTS

from migrate.verify import Difference, Options, verify

ONLY = Options(kinds=frozenset({"workspaces"}))


def spoil(reader, **changed) -> None:
    reader.spaces[PROJECTS] = dataclasses.replace(reader.spaces[PROJECTS], **changed)


def test_a_missing_workspace_is_named(world):
    ledger, reader = world
    del reader.spaces[PROJECTS]
    assert verify(ledger, reader, options=ONLY).differences == [Difference("workspaces", "ws1", f"workspace {PROJECTS}", "missing")]


def test_another_slug_label_or_root_is_named(world):
    ledger, reader = world
    spoil(reader, slug="projects-1")
    assert verify(ledger, reader, options=ONLY).differences == [Difference("workspaces", "ws1", "slug projects", "slug projects-1")]
    spoil(reader, slug="projects", label="Other")
    assert verify(ledger, reader, options=ONLY).differences == [Difference("workspaces", "ws1", "label Projects", "label Other")]
    spoil(reader, label="Projects", roots={"n:x": "legacy/secret"})
    assert verify(ledger, reader, options=ONLY).differences == [Difference("workspaces", "ws1", "root legacy/projects", "root legacy/secret")]


def test_a_further_root_is_wider(world):
    ledger, reader = world
    spoil(reader, roots={"n:legacy/projects": "legacy/projects", "n:x": "legacy/secret"})
    assert [d.wider for d in verify(ledger, reader, options=ONLY).differences] == [True]


def test_a_workspace_without_root_is_named(world):
    ledger, reader = world
    spoil(reader, roots={})
    assert verify(ledger, reader, options=ONLY).differences[0].target == "root none"
