"""Does Cells give back the very bytes that were read on the old server? Downloads files and compares their SHA-256.

The listing proves size and checksum as Cells states them; this proves the bytes themselves, storage included. Every file, or a
sample: which files are in it follows from their names, so that the same sample is drawn again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from migrate.errors import MigrationError
from migrate.ledger import FileRow, Ledger, State
from migrate.verify.difference import Verdict
from migrate.verify.expected import Expected
from migrate.verify.files import target_path

KIND = "downloads"
AHEAD = 64
TRIES = 3
Answer = tuple[str, int] | MigrationError


class DeepCheck:
    """Adds to a verdict what the bytes say. `read(path, again)`: content of a file by its path in Cells, data source first, `again` after
    it failed. `old(row)`: SHA-256 of the old file where the ledger does not know it, None when it cannot be read. `ends(error)`:
    whether an error ends the run."""

    def __init__(self, ledger: Ledger, read: Callable[[str, bool], Iterator[bytes]], old: Callable[[FileRow], str | None], *, percent: int = 100,
                 workers: int = 4, ends: Callable[[MigrationError], bool], check: Callable[[], None] = lambda: None,
                 progress: Callable[[str, int], None] = lambda _k, _n: None) -> None:
        self._ledger, self._read, self._old, self._percent = ledger, read, old, percent
        self._workers, self._ends, self._check, self._progress = max(1, workers), ends, check, progress
        self.bytes = 0

    def __call__(self, expected: Expected, verdict: Verdict) -> None:
        """Download and compare; a file that the listing found missing or different already is not named twice."""
        named = {difference.subject for difference in verdict.differences if difference.kind == "files"}
        running: dict[Future[Answer], tuple[FileRow, str]] = {}
        with ThreadPoolExecutor(self._workers, thread_name_prefix="download") as pool:
            try:
                for row, path in self._wanted(expected):
                    if path in named:
                        continue
                    self._check()
                    running[pool.submit(self._download, path)] = (row, path)
                    while len(running) >= AHEAD:
                        self._settle(running, verdict)
                while running:
                    self._settle(running, verdict)
            finally:
                for future in running:
                    future.cancel()

    def _wanted(self, expected: Expected) -> Iterator[tuple[FileRow, str]]:
        seen: set[bytes] = set()
        for row in self._ledger.files():
            base = expected.roots.get(row.root)
            if base is None or row.type != "file" or row.state is State.SKIPPED:
                continue
            path = target_path(base, row)
            digest = hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=8).digest()
            if digest in seen or int.from_bytes(digest, "big") % 100 >= self._percent:
                continue  # two workspaces on one folder list the same file twice
            seen.add(digest)
            yield row, path

    def _download(self, path: str) -> Answer:
        for attempt in range(TRIES):
            total, size = hashlib.sha256(), 0
            try:
                for piece in self._read(path, attempt > 0):
                    total.update(piece)
                    size += len(piece)
            except MigrationError as error:
                if self._ends(error):
                    raise
                if attempt + 1 == TRIES:
                    return error
            else:
                return total.hexdigest(), size
        raise AssertionError("the loop returns")

    def _settle(self, running: dict[Future[Answer], tuple[FileRow, str]], verdict: Verdict) -> None:
        finished, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
        self._check()
        for future in finished:
            row, path = running.pop(future)
            answer = future.result()
            verdict.checked[KIND] += 1
            wanted = row.sha256 or self._old(row)
            if isinstance(answer, MigrationError):
                verdict.differs("files", path, f"{row.size} bytes", f"not given out: {answer.message}")
                continue
            self.bytes += answer[1]
            self._progress("files", 1)
            self._progress("bytes", answer[1])
            if wanted is None:
                verdict.differs("files", path, "an old file that cannot be read", f"sha256 {answer[0]}")
            elif wanted != answer[0]:
                verdict.differs("files", path, f"sha256 {wanted}", f"sha256 {answer[0]} ({answer[1]} bytes)")
