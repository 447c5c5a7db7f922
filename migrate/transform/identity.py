"""Which uuid does an old object get? The same one in every run and rehearsal: uuid5 of the installation's seed and the old id."""

from __future__ import annotations

import hashlib
import uuid


class Identity:
    """Chosen uuids of one installation. `seed`: a uuid as text, or any text that names the installation."""

    def __init__(self, seed: str) -> None:
        try:
            self._space = uuid.UUID(seed)
        except ValueError:
            self._space = uuid.uuid5(uuid.NAMESPACE_URL, seed)

    def of(self, kind: str, key: str) -> str:
        """The uuid of an old object: uuid5, over the exact bytes where a key is not text (surrogate escapes)."""
        name = f"{kind}:{key}".encode("utf-8", "surrogateescape")
        digest = hashlib.sha1(self._space.bytes + name, usedforsecurity=False).digest()
        return str(uuid.UUID(bytes=digest[:16], version=5))

    def user(self, login: str) -> str:
        return self.of("user", login)

    def group(self, path: str) -> str:
        return self.of("group", path)

    def role(self, role_id: str) -> str:
        return self.of("role", role_id)

    def team(self, key: str) -> str:
        return self.of("team", key)

    def workspace(self, workspace_id: str) -> str:
        return self.of("workspace", workspace_id)

    def desk(self, data_source: str) -> str:
        """The temporary workspace through which the loader writes into a data source."""
        return self.of("desk", data_source)

    @property
    def everybody(self) -> str:
        """The one role that carries what the old server gave to everybody."""
        return self.of("role-of-all", "")

