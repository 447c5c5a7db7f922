"""What goes wrong on purpose? Delays, statuses, cut connections, lost replies and dead tokens, by request number or by path."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

RESET = "reset"          # the connection is reset before anything is done
LOST = "lost"            # everything is done, then the connection is closed without an answer
EXPIRED = "expired"      # the token of this request counts as expired (401 with the dot, 403 on S3) and nothing is done
CUT = "cut"              # the answer breaks off in the middle of its body


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong: an HTTP status, or one of RESET, LOST, EXPIRED, CUT. `times` -1 is for ever."""

    effect: int | str
    method: str = "*"
    path: str = ".*"
    times: int = 1
    skip: int = 0
    retry_after: int | None = None
    body: str = ""

    def fits(self, method: str, path: str) -> bool:
        """Whether a request is meant; `path` is matched from its start, decoded once."""
        return self.method in ("*", method) and re.match(self.path, path) is not None


@dataclass
class Faults:
    """The programme of a server: `by_number` counts requests from 1; `rules` are tried in order; `rate` fails at random."""

    by_number: dict[int, int | str] = field(default_factory=dict)
    rules: list[Fault] = field(default_factory=list)
    rate: float = 0.0
    rate_effects: tuple[int | str, ...] = (503, RESET, LOST)
    seed: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    @classmethod
    def of(cls, value: Faults | Mapping[int, int | str] | None) -> Faults:
        """A programme from whatever a caller gives: nothing, a map of numbers, or a programme."""
        if isinstance(value, Faults):
            return value
        return cls(by_number=dict(value or {}))

    def add(self, effect: int | str, method: str = "*", path: str = ".*", times: int = 1, skip: int = 0, retry_after: int | None = None) -> Fault:
        """Another rule; gives it."""
        fault = Fault(effect, method, path, times, skip, retry_after)
        with self._lock:
            self.rules.append(fault)
        return fault

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self.rules.clear()
            self.by_number.clear()
            self.rate = 0.0

    def choose(self, number: int, method: str, path: str) -> Fault | None:
        """What happens to this request; uses up one turn of the rule that says so."""
        with self._lock:
            if number in self.by_number:
                return Fault(self.by_number.pop(number))
            for rule in self.rules:
                if rule.times != 0 and rule.fits(method, path):
                    if rule.skip > 0:
                        rule.skip -= 1
                        continue
                    if rule.times > 0:
                        rule.times -= 1
                    return rule
            if self.rate and self._random.random() < self.rate:
                return Fault(self._random.choice(self.rate_effects))
        return None
