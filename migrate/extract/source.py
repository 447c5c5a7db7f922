"""What did the old server hold? One object that offers all records of an installation, as streams.

Streams never raise for bad data: what cannot be read is a finding, and what depends on it gives less. Each call of a stream
starts anew. Nothing is written in the old folder."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType

from migrate.errors import Finding, finding
from migrate.extract.access import access_of, listed
from migrate.extract.avatars import avatar
from migrate.extract.bookmarks import read_bookmarks, read_preferences
from migrate.extract.chain import personal_role
from migrate.extract.context import Context
from migrate.extract.feed import read_comments
from migrate.extract.files import read_files
from migrate.extract.fingerprint import settle_version
from migrate.extract.groups import read_groups
from migrate.extract.installation import Installation, locate
from migrate.extract.links import public_paths
from migrate.extract.metadata import read_locks, read_metadata, read_watches
from migrate.extract.people import people_rows, read_users
from migrate.extract.records import (
    Access,
    Bookmark,
    Comment,
    FileEntry,
    Group,
    InstallationFacts,
    Lock,
    Metadata,
    Preference,
    Recycled,
    Role,
    Root,
    Share,
    Team,
    User,
    Watch,
    Workspace,
)
from migrate.extract.recycled import read_recycled
from migrate.extract.roles import DEAD_WORKSPACE, PERSONAL_PREFIX, StoredRole, left_behind, role_record
from migrate.extract.shares import read_shares, technical_logins
from migrate.extract.sink import FindingSink
from migrate.extract.storages import storage_keys
from migrate.extract.store import Store
from migrate.extract.tags import known_tags
from migrate.extract.teams import read_teams
from migrate.extract.workspaces import workspace_record

_GONE_PAGES = frozenset({"ajxp_user", "ajxp_shared", "ajxp_home", "ajxp_conf", "inbox", "fs_template"})
"""Pages and templates of other versions: rights on them remain everywhere and never meant files."""


class Source:
    """The records of one installation. `facts` tells what it is; `context` is for the modules of this room."""

    def __init__(self, installation: Installation, store: Store, findings: FindingSink, now: int) -> None:
        self.context = Context(installation, store, findings, now)

    @classmethod
    def open(
        cls, legacy: str | Path, database: str | None = None, path_map: Mapping[str, str] | None = None, now: int | None = None
    ) -> Source:
        """Find the installation in `legacy` and open its storage. `now`: epoch seconds by which expiry is judged.
        Raises MigrationError when there is no installation or its storage cannot be read at all."""
        installation = locate(Path(legacy), database=database, path_map=path_map)
        store = installation.open_store()
        settle_version(installation, store)
        for entry in installation.findings:
            store.findings(entry)
        return cls(installation, store, store.findings, int(time.time()) if now is None else now)

    def __enter__(self) -> Source:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def facts(self) -> InstallationFacts:
        """What was found in the folder."""
        return self.context.installation.facts

    @cached_property
    def _context(self) -> Context:
        """The context once it knows which logins stand behind links."""
        self.context.extra_technical |= technical_logins(self.context)
        return self.context

    def technical_logins(self) -> set[str]:
        """Logins that links name as theirs. Further technical users carry a flag of their own."""
        return set(self._context.extra_technical)

    def users(self) -> Iterator[User]:
        """Every person, by login."""
        context = self._context
        return read_users(context, lambda login: avatar(context, login))

    def groups(self) -> Iterator[Group]:
        """Every group but the root, by path."""
        return read_groups(self._context)

    def roles(self) -> Iterator[Role]:
        """Stored roles, group roles and teams, then the personal roles of people. Roles of links are left out."""
        context = self._context
        for role in context.roles.values():
            if role.readable:
                yield self._role(role)
        for row in people_rows(context):
            role = personal_role(context, row)
            if role.readable and (row.role is not None or role.acls):
                yield self._role(role)

    def _role(self, role: StoredRole) -> Role:
        for workspace in {*role.acls, *role.masks}:
            if workspace not in self._context.workspaces and workspace not in _GONE_PAGES:
                self._context.findings(finding(DEAD_WORKSPACE, "roles", role.id, workspace=workspace))
        for entry in left_behind(role):
            self._context.findings(finding(entry, "users", role.id.removeprefix(PERSONAL_PREFIX)))
        return role_record(role)

    def teams(self) -> Iterator[Team]:
        """Every team with its existing members."""
        return read_teams(self._context)

    def workspaces(self) -> Iterator[Workspace]:
        """Every workspace: of the configuration, stored, templates, children of templates and of shares."""
        context = self._context
        tags = known_tags(context)
        for entry in context.workspaces.values():
            record = workspace_record(context.workspaces, entry, context.findings, context.plugin_options)
            yield replace(record, known_tags=tags[entry.id]) if entry.id in tags else record

    def access(self) -> Iterator[Access]:
        """Effective rights of every person, by login. Locks are not considered."""
        context = self._context
        for row in people_rows(context):
            yield access_of(context, row)

    def listed_access(self) -> Iterator[Access]:
        """What the application would list for every person: nothing for locked accounts, no shares of single files (6.4+)."""
        context = self._context
        for row in people_rows(context):
            yield listed(context, row)

    def shares(self) -> Iterator[Share]:
        """Every share: with people, by link, or both."""
        return read_shares(self._context)

    def metadata(self) -> Iterator[Metadata]:
        """Values that people gave to files."""
        return read_metadata(self._context)

    def watches(self) -> Iterator[Watch]:
        """Who is told of changes."""
        return read_watches(self._context)

    def locks(self) -> Iterator[Lock]:
        """Locks on files."""
        return read_locks(self._context)

    def comments(self) -> Iterator[Comment]:
        """Comments on files."""
        return read_comments(self._context)

    def bookmarks(self) -> Iterator[Bookmark]:
        """Bookmarks of people."""
        return read_bookmarks(self._context)

    def preferences(self) -> Iterator[Preference]:
        """Preferences of the web interface."""
        return read_preferences(self._context)

    def roots(self) -> Iterator[Root]:
        """The folders of the workspaces on this machine."""
        return self._context.roots()

    def files(self, hashes: bool = False) -> Iterator[FileEntry]:
        """Every file and folder. `hashes`: with SHA-256, which reads all content."""
        return read_files(self._context, hashes)

    def recycled(self) -> Iterator[Recycled]:
        """Where things in recycle bins came from, as far as that is known."""
        return read_recycled(self._context)

    def avatar(self, login: str) -> bytes | None:
        """The picture of a person, None without."""
        return avatar(self._context, login)

    def public_paths(self) -> tuple[str, ...]:
        """Paths below which links were reached, beside `/public`."""
        return public_paths(self._context)

    def storage_keys(self, workspace: str) -> tuple[str, str] | None:
        """Access key and secret of the S3 storage of a workspace, None without. Secrets: not to be kept."""
        return storage_keys(self._context, workspace)

    def findings(self) -> Iterator[Finding]:
        """All that was found so far, each once."""
        return iter(self.context.findings)

    def close(self) -> None:
        """Close the storage and remove temporary indexes."""
        self.context.close()
