"""What can be done about files beside carrying them: copies for folders that Cells indexes as they lie, dates of uploaded files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, ClassVar

from migrate.transform.actions import Action, ActionId


@dataclass(frozen=True, slots=True)
class CopyFolder(Action):
    """Copy the carried files of an old folder (key `root`) to `folder` of this machine, with dates, owners and permissions, under
    the names they get in Cells. Before the data source `data_source` over it is made, so that the first index finds them."""

    root: str
    folder: str
    data_source: str
    phase: ClassVar[int] = 38

    @property
    def id(self) -> ActionId:
        return ActionId("copy:" + self.root.replace("\0", ":"))

    @property
    def lane(self) -> str:
        return "copy:" + self.data_source


@dataclass(frozen=True, slots=True)
class RemoveFiles(Action):
    """Delete in Cells what left the old server, where it still is as it was sent; only on request. Items: [path below `node`, etag, type].
    `root`: key of the old Root."""

    root: str
    node: str
    items: tuple[Any, ...]
    phase: ClassVar[int] = 796

    @property
    def id(self) -> ActionId:
        digest = hashlib.sha256(json.dumps([self.root, self.items]).encode()).hexdigest()[:24]
        return ActionId("remove-files:" + digest)

    @property
    def lane(self) -> str:
        return "remove-files"


@dataclass(frozen=True, slots=True)
class KeepDates(Action):
    """Put the old dates of uploaded files into the database of Cells: there is no way through its interface. `data_source`: whose
    index; the files are in the ledger."""

    data_source: str
    phase: ClassVar[int] = 90

    @property
    def id(self) -> ActionId:
        return ActionId("dates:" + self.data_source)

    @property
    def lane(self) -> str:
        return "dates"  # one after the other: all of them make the same table

    def reverse(self) -> Action:
        return RestoreDates(self.data_source)


@dataclass(frozen=True, slots=True)
class RestoreDates(Action):
    """Put back the dates that `KeepDates` replaced, where they are still the ones it set."""

    data_source: str
    phase: ClassVar[int] = 865

    @property
    def id(self) -> ActionId:
        return ActionId("restore-dates:" + self.data_source)

    @property
    def lane(self) -> str:
        return "dates"


@dataclass(frozen=True, slots=True)
class WriteDates(Action):
    """Write the old dates of uploaded files into a field of theirs, through the desks of `sources`; the files are in the ledger."""

    sources: tuple[str, ...]
    phase: ClassVar[int] = 112
    kind: ClassVar[str] = "metadata"

    @property
    def id(self) -> ActionId:
        return ActionId("date-field:" + ",".join(self.sources))

    def needs(self) -> tuple[ActionId, ...]:
        return tuple(ActionId("desk:" + source) for source in self.sources)

    def reverse(self) -> Action:
        return RemoveDates(self.sources)


@dataclass(frozen=True, slots=True)
class RemoveDates(Action):
    """Remove the dates that `WriteDates` wrote, where they still are as written."""

    sources: tuple[str, ...]
    phase: ClassVar[int] = 796

    @property
    def id(self) -> ActionId:
        return ActionId("remove-date-field:" + ",".join(self.sources))
