"""The audit of the dependencies sees what it is there for."""

from __future__ import annotations

import json
from pathlib import Path

import audit
import pytest


def test_everything_is_pinned_with_hashes_and_the_locks_are_current() -> None:
    problems: list[str] = []
    assert audit.pins(problems) > 50 and problems == []


@pytest.mark.parametrize(("text", "said"), [("boto3>=1.0\n", "not pinned"), ("boto3==1.0\n", "not pinned"), ("", "not locked")])
def test_a_pin_that_is_missing_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    for lock in audit.LOCKS:
        (tmp_path / lock).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / lock).write_text(text)
        (tmp_path / lock).with_suffix(".in").write_text("boto3\n")
    monkeypatch.setattr(audit, "ROOT", tmp_path)
    problems: list[str] = []
    audit.pins(problems)
    assert said in problems[0]


def test_a_known_weakness_is_a_problem_and_no_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = tmp_path / "tool"
    weak = {"dependencies": [{"name": "boto3", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}, {"name": "six", "skip_reason": "unknown"}]}
    answers.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(weak)}\nEND\nexit 1\n")
    answers.chmod(0o700)
    problems: list[str] = []
    sentence = audit.known_weaknesses(answers, problems)
    assert problems and "X-1" in problems[0] and "NOT AUDITED" in sentence
    monkeypatch.setenv("AUDIT", "strict")
    problems.clear()
    answers.write_text("#!/bin/sh\nexit 1\n")
    audit.known_weaknesses(answers, problems)
    assert problems and "could not be audited" in problems[0]
