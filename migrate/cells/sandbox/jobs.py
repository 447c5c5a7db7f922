"""Background jobs: copy, move, resync, and the internal calls behind the importer. `/a/jobs`."""

from __future__ import annotations

import json
from typing import Any

from migrate.cells.sandbox import rpc, tree
from migrate.cells.sandbox.access import rights
from migrate.cells.sandbox.answers import Answer, Failure, Panic, Plain, compact, forbidden, not_found, reply, text
from migrate.cells.sandbox.datasources import resync_job, start_index
from migrate.cells.sandbox.messages import DELETE_TASKS, JOB_COMMAND, LIST_JOBS, TASK_LOGS, USER_JOB
from migrate.cells.sandbox.nodes import FOLDER, Node, add_node, move_node
from migrate.cells.sandbox.router import Call, Route
from migrate.cells.sandbox.state import State

IMPORT_JOB = "pydio8-data-import"


def parse_json(text_: str) -> Any:
    """JSON of a request parameter; None when it is none."""
    try:
        return json.loads(text_)
    except ValueError:
        return None


def user_job(call: Call) -> Answer:
    """`PUT /a/jobs/user/{JobName}`; the name of the body wins."""
    name = call.body.get("JobName") or call.params["JobName"]
    raw = call.body.get("JsonParameters", "")
    runner = {"copy": _copy_move, "move": _copy_move, "datasource-resync": _resync, "import-p8": _import, "compress": _archive,
              "extract": _archive, "remote-download": _archive}.get(name)
    if runner is None:
        raise Plain(text(500, '{"Title":"unknown job name", "Detail":"unknown job name"}{}', "application/json"))
    return reply({"JobUuid": runner(call, name, raw)})


def _parameters(raw: str) -> dict[str, Any]:
    value = parse_json(raw)
    return value if isinstance(value, dict) else {}


def _new_job(call: Call, job_id: str, label: str, actions: list[dict[str, Any]], status: str = "Finished", message: str = "Complete") -> str:
    state = call.state
    task = {"ID": state.new_uuid(), "JobID": job_id, "Status": status, "StatusMessage": message, "TriggerOwner": "pydio.system.user",
            "StartTime": state.now(), "EndTime": state.now(), "CanStop": True, "HasProgress": True}
    old = state.jobs.get(job_id, {}).get("tasks", [])
    state.jobs[job_id] = {"ID": job_id, "Label": label, "Owner": call.me.name, "Languages": ["en-us"], "AutoStart": True, "AutoClean": True,
                          "Actions": actions, "MaxConcurrency": 1, "tasks": [task, *old]}
    return job_id


def _copy_move(call: Call, name: str, raw: str) -> str:
    given = _parameters(raw)
    nodes, target = given.get("nodes"), given.get("target")
    if not isinstance(nodes, list) or not isinstance(target, str):
        raise Panic(name + " without its keys")
    found = [tree.find(call, path) for path in nodes]
    into = bool(given.get("targetParent"))
    folder_path, _, new_name = (target, "", "") if into else target.rpartition("/")
    access, place = tree.enter(call, folder_path)
    if place.start is None:
        raise not_found("Cannot find root node")
    folder = place.node
    if folder is None:
        from migrate.cells.sandbox.nodes import make_folders
        folder, _ = make_folders(call.state, place.start, place.rest)
    if "write" not in rights(access, place, folder):
        raise forbidden("path is not writeable")
    for _, _, node in found:
        chosen = tree.free_name(folder, new_name or node.name)
        if name == "move":
            move_node(node, folder, chosen)
        else:
            _copy(call.state, node, folder, chosen)
    kind = "folder" if found and found[0][2].is_folder else "file"
    verb = "Copying" if name == "copy" else "Moving"
    return _new_job(call, "copy-move-" + call.state.new_uuid(), f"{verb} {kind} in background...", [{
        "ID": "actions.tree.copymove", "NodesSelector": {"Pathes": nodes},
        "Parameters": {"create": "true", "recursive": "true", "scope": "owner", "target": target,
                       "targetParent": "true" if into else "false", "type": name}}])


def _copy(state: State, node: Node, folder: Node, name: str) -> None:
    values = {k: getattr(node, k) for k in ("size", "mode", "etag", "content_hash", "mime", "content")}
    if values["content"] is not None:
        import shutil
        path = state.content / ("copy-" + state.new_uuid())
        shutil.copyfile(values["content"], path)
        values["content"] = path
    made = add_node(state, folder, name, node.type, **values)
    if node.type == FOLDER:
        for child in node.sorted_children():
            _copy(state, child, made, child.name)


def _archive(call: Call, name: str, raw: str) -> str:
    if not isinstance(_parameters(raw).get("nodes" if name != "remote-download" else "urls"), (list, str)):
        raise Panic(name + " without its keys")
    raise Failure(500, f"the stand-in does not run {name}")


def _resync(call: Call, name: str, raw: str) -> str:
    state = call.state
    wanted = _parameters(raw).get("dsName")
    if not isinstance(wanted, str):
        raise Panic("resync without dsName")
    source = state.sources.get(wanted)
    job = "resync-ds-" + wanted
    if source is None or source.flat:
        return _new_job(call, job, "Sync DataSource " + wanted, [], "Error", "cannot find service") if source is None else job
    source.ready_at = state.clock() + state.index_seconds
    start_index(state, source)
    return job


def _import(call: Call, name: str, raw: str) -> str:
    if not call.admin:
        raise forbidden("you are not allowed to create this job")
    actions = parse_json(raw)
    if actions is None:
        raise Failure(500, f"[]*rest.Action: skipThreeBytes: expect ull, error found in #2 byte of ...|{raw}|..., bigger context ...|{raw}|...")
    if not isinstance(actions, list):
        found = raw.lstrip()[:1]
        raise Failure(500, f"[]*rest.Action: decode slice: expect [ or n, but found {found}, error found in #1 byte of ...|{raw}|..., "
                           f"bigger context ...|{raw}|...")
    for action in actions:
        for value in (action.get("params") or {}).values():
            if not isinstance(value, str):
                shown = json.dumps(value)[:1]
                raise Failure(500, f"[]*rest.Action: rest.Action.Params: ReadString: expects \" or n, but found {shown}, error found in #10 byte")
    status, message, told = "Finished", "Complete", []
    for action in actions:
        try:
            told.append(rpc.run(call, action.get("name", ""), action.get("params") or {}))
        except rpc.ActionFailed as failed:
            status, message = "Error", str(failed)
            break
    job = _new_job(call, IMPORT_JOB, "Pydio 8 data import", [{"ID": a.get("name", ""), "Parameters": a.get("params") or {}} for a in actions],
                   status, message)
    task = call.state.jobs[job]["tasks"][0]["ID"]
    call.state.task_logs += [{"Level": "info", "Msg": "Successfully called Invoke", "OperationUuid": f"{IMPORT_JOB}-{task[:8]}",
                              "JsonZaps": json.dumps({"LogType": "tasks", "response": text})} for text in told if text]
    return job


def list_jobs(call: Call) -> Answer:
    """`POST /a/jobs/user`."""
    state, body = call.state, call.body
    owner = body.get("Owner", "") if call.admin else ""
    out = []
    for job in list(state.jobs.values()):
        if body.get("JobIDs") and job["ID"] not in body["JobIDs"]:
            continue
        if owner != "*" and job["Owner"] != (owner or call.me.name):
            continue
        shown = job
        if job.get("source"):
            source = state.sources.get(job["source"])
            found = resync_job(state, source) if source else None
            if found is None:
                continue
            shown = found
        tasks = list(shown["tasks"]) if "LoadTasks" in body and body["LoadTasks"] != "Unknown" else []
        if body.get("LoadTasks") not in (None, "Unknown", "Any"):
            tasks = [t for t in tasks if t["Status"] == body["LoadTasks"]]
            if not tasks:
                continue
        if body.get("TasksLimit", 0) > 0:
            tasks = tasks[body.get("TasksOffset", 0):body.get("TasksOffset", 0) + body["TasksLimit"]]
        answer = {k: v for k, v in shown.items() if k not in ("tasks", "source")}
        if tasks:
            answer["Tasks"] = [{k: v for k, v in t.items() if k not in ("begun", "ends")} for t in tasks]
        out.append(answer)
    return reply(compact({"Jobs": out}))


def command(call: Call) -> Answer:
    """`PUT /a/jobs/user`: control of a job or task."""
    body, state = call.body, call.state
    cmd = body.get("Cmd", "None")
    if cmd == "Delete":
        if not body.get("TaskId"):
            raise Panic("Delete without TaskId stops the jobs service of a real server")
        job = state.jobs.get(body.get("JobId", ""))
        if job is not None:
            job["tasks"] = [t for t in job["tasks"] if t["ID"] != body["TaskId"]]
        return reply({"Msg": "Deleted 1 tasks"})
    if cmd in ("Active", "Inactive"):
        if body.get("JobId", "") not in state.jobs:
            raise not_found("Job ID not found")
        return reply({})
    if cmd == "RunOnce":
        job = state.jobs.get(body.get("JobId", ""))
        source = state.sources.get(job.get("source", "")) if job else None
        if source is not None:
            source.ready_at = state.clock() + state.index_seconds
            start_index(state, source)
        return Answer(200)
    return reply({"Msg": "Published"})


def logs(call: Call) -> Answer:
    """`POST /a/jobs/tasks/logs`: newest first."""
    import re
    state, body = call.state, call.body
    wanted = dict(re.findall(r'\+(\w+):"?([^"\s]+)"?', body.get("Query", "")))
    found = [log for log in reversed(state.task_logs) if all(str(log.get(k, "")).lower() == v.lower() for k, v in wanted.items())]
    size = body.get("Size", 0) or 50
    page = body.get("Page", 0)
    return reply(compact({"Logs": found[page * size:(page + 1) * size]}))


def delete_tasks(call: Call) -> Answer:
    """`POST /a/jobs/tasks/delete`."""
    body, state = call.body, call.state
    job = state.jobs.get(body.get("JobId", ""))
    if job is None:
        raise not_found("cannot find job")
    before = [t["ID"] for t in job["tasks"]]
    gone = [t for t in before if t in body.get("TaskID", [])]
    job["tasks"] = [t for t in job["tasks"] if t["ID"] not in gone]
    return reply(compact({"Deleted": gone}))


ROUTES = [
    Route("PUT", "/jobs/user/{JobName}", user_job, USER_JOB),
    Route("POST", "/jobs/user", list_jobs, LIST_JOBS),
    Route("PUT", "/jobs/user", command, JOB_COMMAND),
    Route("POST", "/jobs/tasks/logs", logs, TASK_LOGS),
    Route("POST", "/jobs/tasks/delete", delete_tasks, DELETE_TASKS),
]
