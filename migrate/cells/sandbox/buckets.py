"""The stand-in's index of a bucket: what an S3 storage lists, entered with size, date and checksum; nothing is written to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from migrate.cells.sandbox.nodes import FILE, Source, add_node, make_folders

if TYPE_CHECKING:
    from migrate.cells.sandbox.state import State


def index_bucket(state: State, source: Source, keys: tuple[str, str]) -> str:
    """Enter what the bucket lists; gives what the job says when it cannot be read, empty otherwise."""
    body = source.configuration
    settings: dict[str, Any] = body.get("StorageConfiguration", {})
    base = str(body.get("ObjectsBaseFolder", "")).strip("/")
    prefix = base + "/" if base else ""
    try:
        pages = _client(settings, keys).get_paginator("list_objects_v2").paginate(Bucket=body["ObjectsBucket"], Prefix=prefix)
        entries = [entry for page in pages for entry in page.get("Contents", ())]
        if base:  # without `.pydio` in it at once, with one after the marker `folder//.pydio` that the server writes itself
            return "Cannot Stat Root: The specified key does not exist."
        for entry in entries:
            folder, _, name = entry["Key"][len(prefix):].rpartition("/")
            if name and (not folder or all(folder.split("/"))) and name != ".pydio":
                parent = make_folders(state, source.root, folder)[0] if folder else source.root
                if name not in parent.children:
                    add_node(state, parent, name, FILE, size=entry["Size"], mtime=int(entry["LastModified"].timestamp()), mode=0o777,
                             etag=entry["ETag"].strip('"'))
    except (BotoCoreError, ClientError) as error:
        return type(error).__name__
    return ""


def _client(settings: dict[str, Any], keys: tuple[str, str]) -> Any:
    nothing = {name: (None, None, os.devnull, None) for name in ("config_file", "credentials_file")}
    core = botocore.session.Session(session_vars={**nothing, "profile": (None, None, None, None)})
    return boto3.session.Session(botocore_session=core).client(
        "s3", endpoint_url=settings.get("customEndpoint"), region_name=settings.get("customRegion") or "us-east-1", aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1], config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}))
