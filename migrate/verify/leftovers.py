"""What Cells shows beyond the plan in a folder that it indexes as it lies: is it only what was left lying there?

The old folder itself, and a copy of all of it, still hold what the plan leaves out: recycle bins, hidden files, files that the
old application made for itself. They are accepted by rule, counted and told; anything else is an extra file like elsewhere."""

from __future__ import annotations

from collections import Counter

from migrate.errors import Severity, code, finding
from migrate.leftovers import left_by_application
from migrate.text import shown
from migrate.verify.difference import Verdict
from migrate.verify.expected import Expected
from migrate.verify.scratch import Scratch

LEFT_LYING = code("F5020", Severity.INFO, "{subject}: {number} files and folders that the plan leaves out lie in the folder that Cells shows (first: {first}).",
                  "Nothing has to be done. Remove them there if people shall not see them; names that start with a dot are not shown anyway.",
                  "A folder that Cells indexes as it lies is shown with all that is in it: recycle bins, hidden files, files of the old application.")


class Leftovers:
    """Accepts what was left lying; counts by root."""

    def __init__(self, expected: Expected, scratch: Scratch) -> None:
        # The innermost root decides, so deeper ones come first.
        self._bases = sorted(((expected.roots[key], key, names) for key, names in expected.indexed.items() if key in expected.roots),
                             key=lambda entry: -len(entry[0]))
        self._scratch = scratch
        self._found: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def accept(self, path: str) -> bool:
        """Whether the node at `path` (data source first) was left out by the plan and lies in such a folder."""
        for base, key, names in self._bases:
            if not path.startswith(base + "/"):
                continue
            if not (self._scratch.is_known(path) or left_by_application(path[len(base) + 1:], names)):
                return False
            self._found[key] += 1
            self._first.setdefault(key, path)
            return True
        return False

    def tell(self, verdict: Verdict) -> None:
        """One finding a root."""
        for key, number in sorted(self._found.items()):
            name = shown(key.replace("\0", " ").encode("utf-8", "surrogateescape")).strip()
            verdict.findings.append(finding(LEFT_LYING, "files", name, number=number, first=self._first[key]))
