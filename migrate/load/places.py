"""Makes and removes data sources, folders and workspaces; opens and closes the loader's desk."""

from __future__ import annotations

import posixpath
import threading

from migrate.cells.api import datasources, jobs, tree, workspaces
from migrate.cells.errors import CellsRefused
from migrate.cells.models import DataSource, LiveWorkspace, Node
from migrate.errors import ExitStatus, MigrationError
from migrate.load import buckets
from migrate.load.tools import Result, Tools, performs
from migrate.transform import actions as do

START_SECONDS = 120.0
JOB_SECONDS = 60.0
_ONE_BY_ONE = threading.Lock()
INDEX_SECONDS = 24 * 3600.0
FAILED = ("Error", "Interrupted")
MADE = "data-source:"
"""Facts of the ledger: this migration made the data source of that name; whether it was ever ready is said by the journal."""


class NotStarted(MigrationError):
    """Cells took the data source into its configuration but did not start it."""

    code = "E4904"
    title = "The data source {name} was created but does not start ({detail})."
    remedy = "Restart Cells (its watch of the configuration can stop), then run `apply` again."


class FolderNotThere(MigrationError):
    """The folder that Cells shall index does not exist on its machine."""

    code = "E4910"
    title = "The folder {folder} for the data source {name} does not exist on the machine of Cells."
    remedy = "Make it there (WORK/copy/{name}.sh does, when the plan wrote one), then `apply` again."
    exit_status = ExitStatus.INCOMPLETE


class IndexFailed(MigrationError):
    """The indexing job of an in-place data source ended with an error."""

    code = "E4905"
    title = "Cells could not index the data source {name}: {detail}."
    remedy = "Settle what the job says (folder name, permissions), then run `apply` again."


class ConflictingData(MigrationError):
    """A data source of this name exists with another folder."""

    code = "E4906"
    title = "The data source {name} exists already: somebody made it since the plan, or it points to another folder."
    remedy = "Choose another name with --data-source or in workspaces.csv, then plan again."


@performs(do.CreateDataSource)
def create_data_source(tools: Tools, action: do.CreateDataSource, look: bool) -> Result:
    """Natural key: the name. 200 comes before any service runs, so this waits until the source answers and is indexed."""
    if action.bucket:
        with _ONE_BY_ONE:
            made = buckets.create(tools, action)
            tools.ledger.put(MADE + action.name, True)
            _until_listed(tools, action.name)
        _until_indexed(tools, action.name, again=not made)
        return buckets.compare(tools, action)
    there = datasources.get_data_source(tools.session, action.name)
    folder, peer = _folder_of(tools, action)
    ours = look or tools.ledger.get(MADE + action.name)
    if there is not None and (not ours or (action.folder and there.folder != folder)):
        raise ConflictingData(name=action.name)  # the plan did not see it: somebody made it meanwhile, or it points elsewhere
    with _ONE_BY_ONE:  # the configuration of Cells is not safe against two writers
        if there is None:
            _make(tools, DataSource(action.name, "LOCAL", folder, action.flat, peer))
        tools.ledger.put(MADE + action.name, True)
        _until_listed(tools, action.name)
    if not action.flat:
        _until_indexed(tools, action.name, again=there is not None)
    return {"folder": folder}


def _until_listed(tools: Tools, name: str) -> None:
    tools.wait(lambda: _listed(tools, name), START_SECONDS, lambda: NotStarted(name=name, detail=f"not after {START_SECONDS:.0f} s"))


def _until_indexed(tools: Tools, name: str, *, again: bool) -> None:
    """`again`: the source was there before; where its last job ended badly (a killed server, a reason that was settled since), it is
    indexed once more."""
    old: frozenset[str] = frozenset()
    if again:
        tasks = jobs.tasks_of(tools.session, jobs.resync_job(name)) or []
        if tasks and tasks[0].status in FAILED:
            old = frozenset(task.id for task in tasks)
            jobs.resync(tools.session, name)
    _started_index(tools, name, old)
    tools.wait(lambda: _indexed(tools, name, old), INDEX_SECONDS, lambda: IndexFailed(name=name, detail="the job does not end"))


def _started_index(tools: Tools, name: str, old: frozenset[str]) -> None:
    """Its job starts by itself after some seconds; where it does not, it is started by hand."""
    try:
        tools.wait(lambda: bool(_tasks(tools, name, old)), JOB_SECONDS, lambda: NotStarted(name=name, detail="its index does not start"))
    except NotStarted:
        jobs.resync(tools.session, name)
        tools.wait(lambda: bool(_tasks(tools, name, old)), START_SECONDS, lambda: NotStarted(name=name, detail="its index does not start"))


def _tasks(tools: Tools, name: str, old: frozenset[str]) -> list[jobs.Task]:
    return [task for task in jobs.tasks_of(tools.session, jobs.resync_job(name)) or [] if task.id not in old]


def _make(tools: Tools, wanted: DataSource) -> None:
    try:
        datasources.create_data_source(tools.session, wanted, make_folder=wanted.flat)
    except CellsRefused as error:
        if datasources.get_data_source(tools.session, wanted.name) is not None:
            return
        if not wanted.flat and "no such file" in error.message and wanted.folder:
            raise FolderNotThere(folder=wanted.folder, name=wanted.name) from None
        raise


def _folder_of(tools: Tools, action: do.CreateDataSource) -> tuple[str, str]:
    """Folder and machine: as given, or beside the folder of a data source that is there."""
    beside = datasources.get_data_source(tools.session, action.beside) if action.beside else None
    peers = datasources.list_peers(tools.session)
    peer = (beside.peer if beside and beside.peer else "") or (peers[0] if peers else "")
    if action.folder:
        return action.folder, peer
    if beside is None or not beside.folder:
        raise NotStarted(name=action.name, detail=f"no local folder to lie beside: {action.beside or 'none'} is not a local data source")
    return posixpath.join(posixpath.dirname(beside.folder.rstrip("/")), action.name), peer


def _listed(tools: Tools, name: str) -> bool:
    try:
        return any(node.path.strip("/") == name for node in tree.admin_list(tools.session)) and tree.admin_stat(tools.session, name) is not None
    except CellsRefused:
        return False


def _indexed(tools: Tools, name: str, old: frozenset[str]) -> bool:
    tasks = _tasks(tools, name, old)
    if tasks and tasks[0].status in FAILED:
        raise IndexFailed(name=name, detail=tasks[0].message or tasks[0].status)
    return bool(tasks) and tasks[0].ended


@performs(do.DeleteDataSource)
def delete_data_source(tools: Tools, action: do.DeleteDataSource, look: bool) -> Result:
    """Out of the configuration; files stay on disk."""
    if datasources.get_data_source(tools.session, action.name) is not None:
        datasources.delete_data_source(tools.session, action.name)
    tools.ledger.put(MADE + action.name, None)
    return {}


@performs(do.OpenDesk)
def open_desk(tools: Tools, action: do.OpenDesk, look: bool) -> Result:
    """Journals that a desk may be made; it is made when something is written."""
    tools.desks.allow(action.data_source, action.uuid, action.slug, action.loader_role)
    return {}


@performs(do.CloseDesk)
def close_desk(tools: Tools, action: do.CloseDesk, look: bool) -> Result:
    """Removes the desk, if it was made and nobody has to send files through it yet."""
    if tools.desks.stays(action.data_source):
        return {"left": "open"}
    tools.desks.close(action.data_source, action.uuid)
    return {}


@performs(do.CreateFolder)
def create_folder(tools: Tools, action: do.CreateFolder, look: bool) -> Result:
    """Natural key: the path."""
    there = tree.admin_stat(tools.session, action.node)
    if there is None:
        path = tools.writable(action.node, for_good=False) + "/" + action.node.partition("/")[2]
        tree.create_folders(tools.session, {path: action.mtime} if action.mtime else [path])
        there = _settled(tools, action.node)
    tools.nodes.remember(action.node, there)
    return {"uuid": there.uuid}


def _settled(tools: Tools, node: str) -> Node:
    """A new folder can be 404 for a moment (structured sources)."""
    found: list[Node] = []

    def there() -> bool:
        found.extend(n for n in [tree.admin_stat(tools.session, node)] if n is not None)
        return bool(found)

    tools.wait(there, 30.0, lambda: CellsRefused(method="POST", path=node, status=0, reason="the folder does not appear"))
    return found[0]


@performs(do.CreateWorkspace)
def create_workspace(tools: Tools, action: do.CreateWorkspace, look: bool) -> Result:
    """Natural key: our uuid. The slug that is read back is the one to send again: with the wanted one it would move on."""
    root = tools.nodes.uuid(action.root)
    there = workspaces.get_workspace(tools.session, action.uuid)
    slug = there.slug if there else action.slug
    made = workspaces.put_workspace(tools.session, LiveWorkspace(action.uuid, slug, action.label, action.description, "ADMIN", {root: action.root}))
    return {"uuid": made.uuid, "slug": made.slug or slug}


@performs(do.DeleteWorkspace)
def delete_workspace(tools: Tools, action: do.DeleteWorkspace, look: bool) -> Result:
    """By our uuid; its files stay."""
    there = workspaces.get_workspace(tools.session, action.uuid)
    if there is not None:
        workspaces.delete_workspace(tools.session, action.uuid, there.slug)
    return {}


@performs(do.CarryFolder)
def carry_folder(tools: Tools, action: do.CarryFolder, look: bool) -> Result:
    """Content; every file is looked up by path and hash before it is sent again."""
    return tools.carry(action, (lambda: tools.writable(action.node)) if action.by_desk else None)
