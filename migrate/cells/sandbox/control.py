"""How does a test in another process steer the stand-in? `/sandbox/…`, open only when it was asked for."""

from __future__ import annotations

import json

from migrate.cells.sandbox.answers import Answer, reply, text
from migrate.cells.sandbox.router import Call


def handle(call: Call) -> Answer:
    """`GET /sandbox/snapshot|requests`; `POST /sandbox/faults` `[{"effect", "method", "path", "times", "skip"}]`,
    `/sandbox/faults/clear`, `/sandbox/latency` `{"ms"}`, `/sandbox/token` `{"login"}`, `/sandbox/sql` (text)."""
    sandbox, what = call.sandbox, call.path.removeprefix("/sandbox/")
    if call.method == "GET" and what == "snapshot":
        return reply(sandbox.snapshot())
    if call.method == "GET" and what == "requests":
        return reply(dict(sandbox.requests))
    if call.method != "POST":
        return text(404, "unknown")
    if what == "faults":
        for fault in json.loads(call.raw):
            sandbox.faults.add(**fault)
        return reply({"rules": len(sandbox.faults.rules)})
    if what == "faults/clear":
        sandbox.faults.clear()
        return reply({})
    if what == "latency":
        sandbox.latency_ms = float(json.loads(call.raw)["ms"])
        return reply({})
    if what == "token":
        return reply({"token": sandbox.token_for(json.loads(call.raw)["login"])})
    if what == "sql":
        return reply({"rows": sandbox.run_sql(call.raw.decode())})
    return text(404, "unknown")
