"""What does everything in this room need to know? One installation, its storage, the findings, and cached look-ups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from migrate.extract import folders, people
from migrate.extract.accounts import copied_from_directory
from migrate.extract.avatars import Pictures
from migrate.extract.chain import Era, era_of
from migrate.extract.definitions import Definitions, OldPaths, WorkspaceDefinition, read_definitions
from migrate.extract.layout import parse_version
from migrate.extract.links import StoredLink, read_links
from migrate.extract.logins import KnownLogin, LoginIndex
from migrate.extract.plain import truth
from migrate.extract.records import Root
from migrate.extract.roles import RoleBook
from migrate.extract.sink import FindingSink
from migrate.extract.store import Store
from migrate.extract.workspaces import custom_quota_fields

if TYPE_CHECKING:
    from migrate.extract.installation import Installation

__all__ = ["Context", "FindingSink", "WorkspaceDefinition", "parse_version"]


@dataclass
class Context:
    """`findings`: call it with a Finding. `now`: epoch seconds by which expiry is judged.

    `extra_technical`: logins known to be technical for other reasons than their own flags; links add theirs before the
    first use of `logins`."""

    installation: Installation
    store: Store
    findings: FindingSink
    now: int
    extra_technical: set[str] = field(default_factory=set)

    @cached_property
    def version(self) -> tuple[int, int]:
        """Major and minor version of the application; (0, 0) when it could not be told."""
        return parse_version(self.installation.facts.version)

    @cached_property
    def local_accounts(self) -> bool:
        """Whether all accounts are in the old server's own tables or files, so that a login without one is nobody."""
        return people.is_local(self.installation.facts.auth)

    @cached_property
    def copied_accounts(self) -> bool:
        """Whether an account with a row of its own may yet be a directory's (auth.multi copied them)."""
        return copied_from_directory(self.installation)

    @cached_property
    def logins(self) -> LoginIndex:
        """Every login that is known, with its kind. Built in one pass over the stored users."""
        return people.index_logins(self)

    @cached_property
    def workspaces(self) -> Definitions:
        """Every workspace by id. `context.workspaces.option(id, "PATH", user)` resolves an option for a login."""
        paths = OldPaths(str(self.installation.install_path), str(self.installation.data_path), self.users_enabled)
        return Definitions(read_definitions(self.store.workspaces(), self.findings), paths, self.group_of, self.version)

    @cached_property
    def quota_fields(self) -> tuple[str, ...]:
        """Names under which people's own data may hold a quota (up to 4.2: option CUSTOM_DATA_FIELD of meta.quota)."""
        return custom_quota_fields(self.workspaces, self.plugin_options)

    @cached_property
    def users_enabled(self) -> bool:
        """False where everybody was one anonymous user (core.auth ENABLE_USERS off)."""
        stored = self.plugin_option("core.auth", "ENABLE_USERS")
        return stored is None or truth(stored)

    @cached_property
    def plugin_options(self) -> Mapping[str, Mapping[str, Any]]:
        """Options of every configured plugin, texts decoded; those of bootstrap.json are plain JSON values."""
        return {**self.store.plugin_configs(), **self.installation.drivers.boot}

    def plugin_option(self, plugin: str, name: str) -> Any:
        """One option of a plugin as stored; None where it was never set."""
        return self.plugin_options.get(plugin, {}).get(name)

    @cached_property
    def roles(self) -> RoleBook:
        """Every stored role but personal ones and those of links."""
        return RoleBook(self.store.roles(), self.findings)

    @cached_property
    def roles_missing(self) -> bool:
        """Whether stored roles are known to be missing, so that one which is not there may have taken something away."""
        len(self.roles)  # damage shows when they are read
        return self.store.roles_missing

    @cached_property
    def era(self) -> Era:
        """How the application that last ran combined roles."""
        return era_of(self.version, self.installation.facts.conf, self.roles)

    @cached_property
    def links(self) -> tuple[StoredLink, ...]:
        """Every stored link, read once: decrypting link files takes time."""
        return tuple(read_links(self))

    @cached_property
    def pictures(self) -> Pictures:
        """The pictures of people, read once."""
        return Pictures(self)

    def login(self, name: str) -> KnownLogin | None:
        """What is known of a login: of exactly this one, else of the only one that differs by case."""
        exact = self.logins.get(name)
        if exact is not None:
            return exact
        alike = self.logins.like(name)
        return alike[0] if len(alike) == 1 else None

    def group_of(self, login: str) -> str:
        """Group path of a login, `/` when unknown."""
        known = self.login(login)
        return known.group if known is not None else "/"

    def is_person(self, login: str) -> bool:
        """Whether the login is somebody with an account (local or directory), not a technical or left-over name."""
        known = self.login(login)
        return known is not None and known.is_person

    def here(self, path: str) -> str:
        """A path of the old machine as it lies on this one."""
        return self.installation.here(path)

    def is_technical_name(self, login: str) -> bool:
        """Whether a name without account is one that the application gave to users of links, or reserves."""
        return login in self.extra_technical or people.is_technical_name(login)

    def roots(self) -> Iterator[Root]:
        """The folders of all workspaces, as a stream; see `migrate.extract.folders.roots`."""
        return folders.roots(self)

    def close(self) -> None:
        """Close the storage and remove what was kept on disk for it."""
        if "logins" in self.__dict__:
            self.logins.close()
        if "pictures" in self.__dict__:
            self.pictures.close()
        close = getattr(self.store, "close", None)
        if close is not None:
            close()
        self.findings.close()
