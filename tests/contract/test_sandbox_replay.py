"""Every recorded exchange of a real Cells gets the same answer from the stand-in, but for the reviewed list of deviations."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import stories  # noqa: E402
from replay import recordings  # noqa: E402

FOLDER = recordings()
DEVIATIONS = json.loads((Path(__file__).parent / "deviations.json").read_text("utf-8"))
pytestmark = [pytest.mark.shared, pytest.mark.skipif(FOLDER is None, reason="the recordings of a real server are not here (SHARED_CELLS)")]


def accepted(name: str) -> dict[int, list[str]]:
    """Accepted differences of a story, by exchange."""
    return {entry["index"]: sorted(entry["differences"]) for entry in DEVIATIONS if entry["file"] == name}


@pytest.mark.parametrize("name", stories.STORIES)
def test_the_stand_in_answers_as_recorded(name: str) -> None:
    """The list may only shrink: a difference that is not listed fails, and so does a listed one that is gone."""
    assert FOLDER is not None
    expected = accepted(name)
    problems, seen = [], set()
    with stories.told(name, FOLDER) as story:
        for index, step, differences in story.play():
            seen.add(index)
            found = sorted({d.sign() for d in differences})
            if found != expected.get(index, []):
                problems.append(f"{name} {index} ({step}): " + "; ".join(d.text() for d in differences)
                                + f" — listed: {expected.get(index, 'nothing')}")
    problems += [f"{name} {index}: listed, but not replayed" for index in set(expected) - seen]
    assert not problems, "\n".join(problems)


def test_every_deviation_has_a_reason_in_words() -> None:
    for entry in DEVIATIONS:
        assert len(entry["reason"].split()) >= 4, entry


def test_every_replayed_story_names_a_recording() -> None:
    assert FOLDER is not None
    for name in stories.STORIES:
        assert (FOLDER / f"{name}.json").is_file(), name
