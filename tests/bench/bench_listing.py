"""What does one listing save against a call per object? Reading back 200 files of one folder both ways."""

from __future__ import annotations

import tempfile
import time

from migrate.cells.api import tree
from migrate.cells.auth import GivenToken
from migrate.cells.content import Content
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.logs import configure

FILES = 200


def main() -> None:
    """Prints the ratio of both times (greater than 1: the listing gains)."""
    configure(quiet=True)
    with Sandbox(latency_ms=5) as server, Session(server.url, GivenToken(server.token)) as session:
        content = Content(session)


        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
            file.flush()
            for number in range(FILES):
                content.put_file("common-files", f"bench/{number}.txt", file.name)
        start = time.perf_counter()
        for number in range(FILES):
            assert tree.admin_stat(session, f"pydiods1/bench/{number}.txt") is not None
        single = time.perf_counter() - start
        start = time.perf_counter()
        assert sum(1 for _ in tree.admin_list(session, "pydiods1/bench")) == FILES
        listing = time.perf_counter() - start
    print(f"reading back {FILES} files: call per object / one listing = {single / listing:.1f}")


if __name__ == "__main__":
    main()
