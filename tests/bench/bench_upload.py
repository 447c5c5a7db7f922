"""How fast are files carried, beside plain boto3 calls for the same bytes in the same minute? Many small files, and large ones in parts.

Against a stand-in, or with CELLS_URL and CELLS_TOKEN against a real Cells (its workspace `common-files`, everything under one folder
that is removed). The tool also reads every file's hashes and writes a ledger; the ratio says what that costs."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import structlog
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from migrate.cells.api import tree
from migrate.cells.auth import GivenToken
from migrate.cells.content import Content
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger
from migrate.load.upload import Upload
from migrate.transform.actions import CarryFolder

WORKERS = int(os.environ.get("BENCH_WORKERS", "8"))
SMALL = int(os.environ.get("BENCH_FILES", "600"))
LARGE = int(os.environ.get("BENCH_MIB", "256")) << 20


@contextlib.contextmanager
def server() -> Iterator[tuple[str, str, str]]:
    """Address, token, and the data source behind `common-files`."""
    if os.environ.get("CELLS_URL"):
        yield os.environ["CELLS_URL"], os.environ["CELLS_TOKEN"], "pydiods1"
        return
    with Sandbox() as sandbox:
        yield sandbox.url, sandbox.token, "pydiods1"


def boto(url: str, token: str) -> object:
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=token, aws_secret_access_key="gatewaysecret",  # noqa: S106
                        config=Config(signature_version="s3v4", max_pool_connections=WORKERS * 2, request_checksum_calculation="when_required",
                                      response_checksum_validation="when_required", s3={"addressing_style": "path", "payload_signing_enabled": False}))


def plain(url: str, token: str, folder: Path, prefix: str) -> float:
    """Seconds of boto3 alone."""
    client = boto(url, token)
    config = TransferConfig(multipart_threshold=100 << 20, multipart_chunksize=20 << 20, max_concurrency=4)
    files = [path for path in folder.rglob("*") if path.is_file()]

    def send(path: Path) -> None:
        key = f"common-files/{prefix}/{path.relative_to(folder)}"
        if path.stat().st_size < 100 << 20:
            client.put_object(Bucket="io", Key=key, Body=path.read_bytes())  # type: ignore[attr-defined]
        else:
            client.upload_file(str(path), "io", key, Config=config)  # type: ignore[attr-defined]

    return timed(lambda: list(ThreadPoolExecutor(WORKERS).map(send, files)))


def ours(session: Session, source: str, folder: Path, prefix: str) -> float:
    """Seconds of the carrier: list in a ledger, listings of Cells, hashes, outcomes."""
    with tempfile.TemporaryDirectory() as work, Ledger.create(Path(work)) as ledger:
        rows = ({"root": "w\0\0", "path": os.fsencode("/" + str(path.relative_to(folder))), "type": "dir" if path.is_dir() else "file",
                 "size": path.stat().st_size, "mtime": 1, "recycle": False} for path in sorted(folder.rglob("*")))
        ledger.scan_files(rows, 1)
        upload = Upload(ledger, session, StopSignal(), Content(session, workers=WORKERS), CarryFolder("w\0\0", f"{source}/{prefix}", "upload"),
                        lambda: "common-files", os.fsencode(folder), threading.BoundedSemaphore(WORKERS), WORKERS, lambda _kind, _number: None)
        failed: list[int] = []
        seconds = timed(lambda: failed.append(upload.run()))
        assert failed == [0], failed
        return seconds


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Prints rates and ratios (1: as fast as boto3 alone)."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    name = "bench" + uuid.uuid4().hex[:8]
    with server() as (url, token, source), Session(url, GivenToken(token), workers=WORKERS) as session, tempfile.TemporaryDirectory() as base:
        for kind, unit in (("small", "files/s"), ("large", "MiB/s")):
            folder = Path(base) / kind
            for number in range(SMALL if kind == "small" else 1):
                path = folder / f"d{number % 10}" / f"f{number}.bin"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(os.urandom(1024 if kind == "small" else LARGE))
            amount = SMALL if kind == "small" else LARGE / 2**20
            tree.create_folders(session, [f"common-files/{name}/{kind}/{way}/d{n}" for way in ("plain", "ours") for n in range(10)])
            first = plain(url, token, folder, f"{name}/{kind}/plain")
            second = ours(session, source, folder, f"{name}/{kind}/ours")
            print(f"{kind}: boto3 {amount / first:.1f} {unit}, carried {amount / second:.1f} {unit}, ratio {first / second:.2f}, {WORKERS} workers",
                  flush=True)
        tree.delete_nodes(session, [f"common-files/{name}"], permanently=True)


if __name__ == "__main__":
    main()
