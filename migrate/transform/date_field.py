"""Old dates of uploaded files as a field of the file: which field, and for which data sources is it written?

Cells dates an uploaded file by the time of its upload. Where its database may not be touched, the old date can at least stand
beside it, as a field that administrators write and everybody may read."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from migrate.cells.models.notes import Field
from migrate.errors import Finding, Severity, code, finding
from migrate.transform.actions import Action
from migrate.transform.file_actions import WriteDates
from migrate.transform.metadata_actions import PutField
from migrate.transform.parts import Outcome

NAMESPACE = "usermeta-old-date"
DEFINITION = json.dumps({"type": "date", "data": {"format": "date-time", "display": "normal"}}, sort_keys=True)
LABEL = "Date on the old server"

AS_FIELD = code("F5016", Severity.INFO, "The old dates of uploaded files stand in the field \u201cDate on the old server\u201d ({subject}); "
                "Cells itself shows the time of the upload.",
                "Nothing to do. It takes about a third of a second a file; --dates sql is the way for many files.")


class DateFieldPart:
    """`sources`: data source with uploaded files -> whether the field is written for all of them already."""

    kinds: tuple[str, ...] = ()
    targets: Collection[tuple[str, str, dict[str, Any]]] = ()
    outcomes: Collection[Outcome] = ()

    def __init__(self, sources: Mapping[str, bool], fields: Mapping[str, Field]) -> None:
        self._sources, self._fields = sources, fields

    @property
    def actions(self) -> Iterator[tuple[Action, bool]]:
        """The field first, then a write for each data source."""
        if self._sources:
            yield PutField(NAMESPACE, LABEL, DEFINITION, 10, editable=False), NAMESPACE in self._fields
        for name, written in sorted(self._sources.items()):
            yield WriteDates((name,)), written

    @property
    def findings(self) -> list[Finding]:
        """That it is done, and what it costs."""
        return [finding(AS_FIELD, "files", ", ".join(sorted(self._sources)))] if self._sources else []
