"""Background jobs of Cells: start the indexing of a data source, look at tasks.

The jobs service can die while everything else lives; its calls then hang. So every call here has a short timeout, and a
command without a task id is never sent: `Delete` without one stops the service until Cells is restarted."""

from __future__ import annotations

import json
from dataclasses import dataclass

from migrate.cells.conventions import DATA_SOURCE_NAME
from migrate.cells.errors import RefusedToSend
from migrate.cells.session import Session
from migrate.cells.shapes import number, objects

SECONDS = 60.0
ENDED = frozenset({"Finished", "Interrupted", "Error"})


@dataclass(frozen=True, slots=True)
class Task:
    """One run of a job. `status`: Idle, Running, Finished, Interrupted, Paused, Error, Queued, Unknown; times in epoch seconds."""

    id: str
    status: str
    message: str = ""
    start: int = 0
    end: int = 0
    progress: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether it will not go on."""
        return self.status in ENDED


def tasks_of(session: Session, job: str) -> list[Task] | None:
    """The tasks of a job, newest first; None when there is no such job (yet). `POST /a/jobs/user` with Owner `*`."""
    if not job:
        raise RefusedToSend(method="POST", path="/a/jobs/user", status=0, reason="no job is named")
    body = {"Owner": "*", "JobIDs": [job], "LoadTasks": "Any", "TasksOffset": 0, "TasksLimit": 20}
    answer = session.search("/a/jobs/user", body, timeout=SECONDS)
    found = [j for j in objects(answer, "Jobs") if j.get("ID") == job]
    if not found:
        return None
    tasks = [Task(str(t.get("ID", "")), str(t.get("Status", "Unknown")), str(t.get("StatusMessage", "")), number(t.get("StartTime")),
                  number(t.get("EndTime")), float(t.get("Progress") or 0.0)) for t in objects(found[0], "Tasks")]
    return sorted(tasks, key=lambda task: task.start, reverse=True)


def resync_job(data_source: str) -> str:
    """Id of the job that indexes a structured data source."""
    return "resync-ds-" + data_source


def resync(session: Session, data_source: str) -> str:
    """Start indexing a structured data source; gives the job id. `PUT /a/jobs/user/datasource-resync`. An unknown name would
    be taken too and leave a stray job: check it first. Flat sources have no index job."""
    if not DATA_SOURCE_NAME.match(data_source):
        raise RefusedToSend(method="PUT", path="/a/jobs/user", status=0, reason="not a data source name")
    answer = session.put("/a/jobs/user/datasource-resync",
                         {"JobName": "datasource-resync", "JsonParameters": json.dumps({"dsName": data_source})}, timeout=SECONDS)
    return str(answer.get("JobUuid") or resync_job(data_source))
