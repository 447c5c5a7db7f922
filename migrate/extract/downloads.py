"""How often was a link used whose counter was never stored? The text logs of the old server tell.

Links of 6.x with the file drivers have a limit of downloads but no working counter: the application failed to write it.
Taking such a link as unused would open one again that may be used up, so downloads by its hidden user are counted in
`logs/log_*.txt` (tab-separated: time, address, level, user, then source, action and parameters)."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrate.extract.context import Context

_ACTION = b"Download"
_LONGEST = 1 << 16


def logged_downloads(context: Context, logins: Collection[str]) -> dict[str, int] | None:
    """Login -> number of logged downloads; None when there are no logs, so that nobody can tell. Lines are streamed."""
    wanted = {login.encode("utf-8", "surrogateescape"): login for login in logins}
    counts = dict.fromkeys(logins, 0)
    paths = list(_log_files(context))
    for path in paths:
        try:
            with open(path, "rb") as log:
                while line := log.readline(_LONGEST):
                    fields = line.split(b"\t")
                    if len(fields) > 4 and fields[3] in wanted and _ACTION in fields[4:6]:
                        counts[wanted[fields[3]]] += 1
        except OSError:
            return None
    return counts if paths else None


def _log_files(context: Context) -> Iterator[str]:
    """Real log files; `ajxp_access.log` is only a link to the last one."""
    folder = context.here(str(context.installation.data_path).rstrip("/") + "/logs")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        path = os.path.join(folder, name)
        if name.startswith("log_") and name.endswith(".txt") and os.path.isfile(path) and not os.path.islink(path):
            yield path
