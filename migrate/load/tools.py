"""What an effect may use, and which function performs which Action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from migrate.cells.session import Session
from migrate.errors import MigrationError
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets
from migrate.load.desk import Desks
from migrate.load.loans import Access
from migrate.load.nodes import Nodes
from migrate.transform.actions import Action, CarryFolder

if TYPE_CHECKING:
    from migrate.load.passwords import Keeping

Result = Mapping[str, Any]
Carry = Callable[[CarryFolder, "Callable[[], str] | None"], Result]
"""Brings the content of a folder; the second argument opens the desk to write through (None: in place)."""


@dataclass(frozen=True)
class Tools:
    """The server, what was learnt of it in this run, and the ways to remember. Shared by all workers."""

    session: Session
    ledger: Ledger
    secrets: Secrets
    stop: StopSignal
    nodes: Nodes
    desks: Desks
    carry: Carry
    access: Access
    keeping: Keeping | None = None
    """What storing old passwords needs; None where the run cannot."""
    pictures: Callable[[str], bytes | None] = lambda _login: None
    """The picture of a person by old login, read from the old server when it is asked for."""
    storage_keys: Callable[[str], tuple[str, str] | None] = lambda _workspace: None
    """Access key and secret of the storage of an old workspace, read from the old server when they are asked for."""

    def writable(self, node: str, *, for_good: bool = True) -> str:
        """Slug of the desk through which the loader may write at and below `node` (data source first). What people may do there
        binds the loader's own account, too, when it is one of the old server's people: it lends itself the right for this run.
        `for_good` is false before the rights of the plan are given."""
        source = node.split("/", 1)[0]
        slug = self.desks.slug(source)
        self.access.ensure(self.desks.role(source), node, for_good=for_good)
        return slug

    def wait(self, reached: Callable[[], bool], seconds: float, error: Callable[[], MigrationError], pause: float = 0.25) -> None:
        """Ask again and again, slower and slower, until it is so; `error` when it is not in time, Interrupted when the run ends."""
        waited = 0.0
        while not reached():
            self.stop.check()
            if waited >= seconds:
                raise error()
            self.stop.wait(pause)
            waited, pause = waited + pause, min(pause * 1.5, 5.0)


Effect = Callable[[Tools, Any, bool], Result]
"""(tools, action, look): carries out an action; `look`: an earlier attempt may have done it, so look before acting."""
F = TypeVar("F", bound=Effect)

_effects: dict[type[Action], Effect] = {}


def performs(kind: type[Action]) -> Callable[[F], F]:
    """Register the function as what performs this kind of Action; once per kind."""
    def register(function: F) -> F:
        if kind in _effects:
            raise ValueError(f"{kind.__name__} is performed twice")
        _effects[kind] = function
        return function
    return register


def effect_of(action: Action) -> Effect:
    """What performs this action. TypeError when nothing does: a defect, never a silent skip."""
    effect = _effects.get(type(action))
    if effect is None:
        raise TypeError(f"nothing performs {type(action).__name__}")
    return effect
