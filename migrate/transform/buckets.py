"""May the bucket of an old S3 workspace become a data source of Cells, and which one is it?

Cells indexes a bucket as it lies and writes an object `.pydio` into every folder of it, so it is only done on demand. Keys of the
storage stay in the old configuration until they are sent."""

from __future__ import annotations

from dataclasses import dataclass

from migrate.errors import Severity, code
from migrate.extract.records import Workspace
from migrate.transform.actions import CreateDataSource

BUCKET = code(
    "F5017", Severity.WARNING, "The bucket {bucket} of workspace {subject} itself becomes the storage of Cells (data source {name}).",
    "Take the old server out of use first. Cells indexes the whole bucket and writes an object .pydio into every folder of it, also beside the one "
    "that the workspace shows.",
    "Access key and secret are read from the old configuration when the plan is applied; Cells keeps them in its vault.")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and the folder in it."""

    name: str
    base: str
    endpoint: str
    region: str

    @property
    def shown(self) -> str:
        """For people."""
        return "/".join(part for part in (self.name, self.base) if part)

    def action(self, name: str, workspace: str) -> CreateDataSource:
        """Make the bucket the data source `name`: all of it, for Cells (4.1) cannot index a folder of one. It marks that with an object
        `folder//.pydio`, on which the next index fails."""
        return CreateDataSource(name, "", False, "", self.name, self.endpoint, self.region, workspace)


def is_bucket(workspace: Workspace) -> bool:
    """Whether its files are in an S3 storage."""
    return workspace.driver == "s3"


def bucket_of(workspace: Workspace) -> Bucket | str:
    """The bucket, or why it cannot be given to Cells, in words."""
    options = {name: str(value) for name, value in workspace.options.items() if isinstance(value, (str, int))}
    bucket, base = options.get("CONTAINER", "").strip(), options.get("PATH", "").strip("/ ")
    if not bucket or "AJXP_" in bucket:
        return "its bucket is not named, or differs from person to person"
    if workspace.scope != "shared" or "AJXP_" in base:
        return "every person has another folder in the bucket; mount it and plan with --path-map"
    return Bucket(bucket, base, options.get("STORAGE_URL", "").strip().rstrip("/"), options.get("REGION", "").strip())
