"""Writes the old dates of uploaded files into a field of each file, and takes them back.

Natural key: (node, field). What is there is read first, batch by batch, so that nothing is written twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from migrate.ledger import State
from migrate.ledger.listed import is_sent, target_of
from migrate.load.awaited import require_arrived
from migrate.load.metadata import Batch, Writer, remove_values
from migrate.load.tools import Result, Tools, performs
from migrate.transform.date_field import NAMESPACE
from migrate.transform.file_actions import RemoveDates, WriteDates
from migrate.transform.metadata_actions import RemoveValues

BATCH = 100
DONE = "date-field:"
"""Name of the fact that says the field is written for all files of a data source."""


@performs(WriteDates)
def write_dates(tools: Tools, action: WriteDates, look: bool) -> Result:
    """Every uploaded file of the data sources. NotesFailed when some could not be written."""
    written = 0
    for source in action.sources:
        require_arrived(tools.ledger, source)
        for items in _batches(tools, source):
            tools.stop.check()
            batch = Batch(tools, items)
            batch.locate()
            Writer(tools, batch, (source,)).write()
            written += int(batch.settle()["number"])
        tools.ledger.put(DONE + source, True)
    return {"files": written}


@performs(RemoveDates)
def remove_dates(tools: Tools, action: RemoveDates, look: bool) -> Result:
    """Only values that still are as they were written."""
    removed = 0
    for source in action.sources:
        tools.ledger.put(DONE + source, False)
        for items in _batches(tools, source):
            removed += int(remove_values(tools, RemoveValues(tuple(items), (source,)), look)["removed"])
    return {"removed": removed}


def _batches(tools: Tools, source: str) -> Iterator[list[tuple[list[Any], str, dict[str, str]]]]:
    items = _items(tools, source)
    while some := list(islice(items, BATCH)):
        yield some


def _items(tools: Tools, source: str) -> Iterator[tuple[list[Any], str, dict[str, str]]]:
    """([], node, {field: epoch seconds as JSON text}) of each file that is there."""
    for key, body in tools.ledger.targets("roots"):
        if body.get("data_source") != source or not is_sent(body):
            continue
        for row in tools.ledger.files(key, State.DONE, State.ALREADY):
            if row.type == "file" and row.mtime is not None:
                yield [], f"{body['node']}/{target_of(row)}", {NAMESPACE: json.dumps(row.mtime)}
