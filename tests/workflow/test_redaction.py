"""Secrets are masked wherever they turn up, also while other threads learn new ones."""

from __future__ import annotations

import pytest

from migrate import logs


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests keep out is forgotten after them."""
    monkeypatch.setattr(logs, "_known", set())
    monkeypatch.setattr(logs, "_longest_first", [])


def test_the_longer_of_two_secrets_that_begin_alike_leaves_no_tail() -> None:
    for secret in ("Kq7-begin", "Kq7-begin-and-more"):
        logs.keep_out(secret)
    assert logs.redact("x Kq7-begin-and-more y Kq7-begin z") == "x [masked] y [masked] z"


def test_a_secret_that_becomes_known_in_the_middle_of_masking_does_no_harm() -> None:
    """Temporary passwords are made by many workers while others report errors."""
    class Slow(str):
        """A text whose masking takes so long that another worker makes a password meanwhile."""

        def replace(self, *given: object) -> str:  # type: ignore[override]
            logs.keep_out("made-by-another-worker")
            return str.replace(self, *given)  # type: ignore[arg-type]

    logs.keep_out("the-first-secret")
    logs.keep_out("the-second-secret")
    assert logs.redact(Slow("say the-first-secret")) == "say [masked]"
    assert logs.redact("made-by-another-worker") == "[masked]"
