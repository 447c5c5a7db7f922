"""Gives a bucket of an old S3 workspace to Cells, and compares its list with what Cells indexed.

The keys of the storage are read from the old configuration when they are needed; nothing else ever holds them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from migrate.cells.api import datasources
from migrate.cells.errors import CellsRefused
from migrate.cells.keys import MAX_NAME, problem_of_name
from migrate.errors import ExitStatus, MigrationError, Severity, code, finding
from migrate.ledger import Ledger
from migrate.load.listings import Listings
from migrate.load.tools import Tools
from migrate.text import shown
from migrate.transform.actions import CreateDataSource

log = structlog.get_logger()
MD5 = re.compile(r"[0-9a-f]{32}\Z")
MARKS = frozenset({".pydio", ".meta"})
"""Objects that stand for folders: of Cells, of the old application."""
NAMED = 20

SAME = code("F5041", Severity.INFO, "All {number} objects of the bucket {subject} are in the index of Cells, with their sizes and checksums.", "Nothing to do.")
OTHER = code("F5042", Severity.ERROR, "{number} of {total} objects of the bucket {subject} are not in the index of Cells as they are in the bucket: {names}.",
             "Look at their names: Cells leaves out keys that are no file names (empty parts, more than 1024 bytes). Rename them in the bucket, then let Cells "
             "synchronise the data source.")
NOT_COMPARED = code("F5043", Severity.WARNING, "The list of the bucket {subject} could not be compared with the index of Cells: {detail}.",
                    "The machine of the migration has to reach the storage, too; run `apply` again there, or compare by hand.")


NOT_OPENED = code("F5044", Severity.WARNING, "{number} objects of the bucket {subject} have a name that Cells lists and cannot open (first: {first}).",
                  "Rename them in the bucket (`%` without two hexadecimal digits, backslash), then let Cells synchronise the data source.",
                  "Nothing can be renamed for a storage that stays where it is. They are kept; only Cells does not give them out.")


class NoKeys(MigrationError):
    """The old configuration has no keys for the storage of a workspace."""

    code = "E5013"
    title = "The old configuration has no access key for the bucket of workspace {workspace}."
    remedy = "Make the data source {name} in Cells by hand, with keys for the bucket, then plan again: it is used as it is."
    exit_status = ExitStatus.INCOMPLETE


class NamesTooLong(MigrationError):
    """One such object, and Cells ends the index of the whole bucket with an error."""

    code = "E5016"
    title = "{number} objects of the bucket {bucket} have names of more than 255 characters, on which Cells (4.1) fails to index any of it: {names}."
    remedy = "Rename them in the bucket, then run `apply` again. Nothing was given to Cells."
    exit_status = ExitStatus.INCOMPLETE


def create(tools: Tools, action: CreateDataSource) -> bool:
    """Make the data source unless it is there; whether it was made. NoKeys, NamesTooLong, CellsRefused."""
    there = datasources.get_data_source(tools.session, action.name) is not None
    keys = _keys(tools, action)
    _refuse_long_names(tools, action, keys)
    if there:
        return False
    try:
        datasources.create_bucket_source(tools.session, action.name, action.bucket, action.folder, action.endpoint, action.region, keys)
    except CellsRefused:
        if datasources.get_data_source(tools.session, action.name) is None:
            raise
    return True


def _refuse_long_names(tools: Tools, action: CreateDataSource, keys: tuple[str, str]) -> None:
    """As far as the bucket can be listed from here; where not, the comparison afterwards says so."""
    number, names = 0, []
    try:
        for key, _, _ in _objects(action, keys):
            tools.stop.check()
            if max(map(len, key.split("/"))) > MAX_NAME:
                number += 1
                names += [shown(key.encode("utf-8", "surrogateescape"))[:120]] if len(names) < NAMED else []
    except (BotoCoreError, ClientError) as error:
        log.warning("bucket.not_listed", bucket=action.bucket, detail=_why(error))
        return
    if number:
        raise NamesTooLong(number=number, bucket=action.bucket, names=", ".join(names))


def _why(error: Exception) -> str:
    return error.response.get("Error", {}).get("Code", "refused") if isinstance(error, ClientError) else type(error).__name__


def compare(tools: Tools, action: CreateDataSource) -> dict[str, Any]:
    """The list of the bucket beside the index; what differs is a finding. Gives numbers."""
    ledger, name = tools.ledger, shown(f"{action.bucket}/{action.folder}".strip("/").encode("utf-8", "surrogateescape"))
    listings = Listings(tools.session, action.name)
    total, wrong, names = 0, 0, []
    closed: list[str] = []
    try:
        for key, size, etag in _objects(action, _keys(tools, action)):
            tools.stop.check()
            total += 1
            node = listings.find(key)
            if any(problem_of_name(part) for part in key.split("/") if part):
                closed.append(key)
            same = node is not None and node.is_file and node.size == size and not (MD5.match(etag) and MD5.match(node.etag) and etag != node.etag)
            if not same:
                wrong += 1
                names += [shown(key.encode("utf-8", "surrogateescape"))] if len(names) < NAMED else []
                log.warning("object.missing", key=shown(key.encode("utf-8", "surrogateescape")))
    except (BotoCoreError, ClientError) as error:
        ledger.add_finding("apply", finding(NOT_COMPARED, "workspaces", name, detail=_why(error)))
        return {"objects": None}
    _tell(ledger, name, total, wrong, names)
    if closed:
        first = shown(closed[0].encode("utf-8", "surrogateescape"))
        ledger.add_finding("apply", finding(NOT_OPENED, "files", name, number=len(closed), first=first))
    return {"objects": total, "different": wrong}


def _tell(ledger: Ledger, name: str, total: int, wrong: int, names: list[str]) -> None:
    if wrong:
        more = ", \u2026" if wrong > len(names) else ""
        ledger.add_finding("apply", finding(OTHER, "files", name, number=wrong, total=total, names=", ".join(names) + more))
    else:
        ledger.add_finding("apply", finding(SAME, "files", name, number=total))


def _keys(tools: Tools, action: CreateDataSource) -> tuple[str, str]:
    keys = tools.storage_keys(action.workspace)
    if keys is None:
        raise NoKeys(workspace=action.workspace, name=action.name)
    return keys


def _objects(action: CreateDataSource, keys: tuple[str, str]) -> Iterator[tuple[str, int, str]]:
    """(key below the folder, size, ETag) of every object that is a file."""
    prefix = action.folder.strip("/") + "/" if action.folder.strip("/") else ""
    pages = _client(action, keys).get_paginator("list_objects_v2").paginate(Bucket=action.bucket, Prefix=prefix)
    for page in pages:
        for entry in page.get("Contents", ()):
            key = entry["Key"][len(prefix):]
            if key and not key.endswith("/") and key.rpartition("/")[2] not in MARKS:
                yield key, int(entry["Size"]), str(entry.get("ETag", "")).strip('"')


def _client(action: CreateDataSource, keys: tuple[str, str]) -> Any:
    """Files and variables of the AWS tools on this machine must not change where we ask."""
    nothing = {name: (None, None, os.devnull, None) for name in ("config_file", "credentials_file")}
    core = botocore.session.Session(session_vars={**nothing, "profile": (None, None, None, None)})
    config = Config(signature_version="s3v4", connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 3},
                    s3={"addressing_style": "path"} if action.endpoint else {})
    return boto3.session.Session(botocore_session=core).client(
        "s3", endpoint_url=action.endpoint or None, region_name=action.region or "us-east-1", aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
        config=config)
