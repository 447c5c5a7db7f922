"""Are our dependencies pinned, unchanged, licensed for our use, not withdrawn and without known weaknesses?

`make audit` runs it: what can be told offline is told always; known weaknesses are asked for by pip-audit, of two advisory services.
Where neither answers (a closed network) it says NOT AUDITED, and how many packages that concerns; with AUDIT=strict that is an error."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.txt", "tests/requirements.txt", "tests/audit/requirements.txt")
SERVICES = ("osv", "pypi")
ALLOWED = re.compile(r"apache|mit|bsd|isc|python software foundation|psf|mpl|mozilla|unlicense|zpl|lgpl|lesser|0bsd|hpnd|cc0", re.I)
"""Licences under which a program of ours may use a library unchanged."""


def locked(path: Path) -> Iterator[tuple[str, str, str, int]]:
    """(name, version, marker, number of hashes) of a requirements file with continued lines."""
    for block in re.sub(r"\\\n", " ", path.read_text("utf-8")).splitlines():
        line = block.split("#")[0].strip()
        if line and not line.startswith("-"):
            spec, _, _ = line.partition("--hash")
            requirement, _, marker = spec.partition(";")
            name, _, version = requirement.strip().partition("==")
            yield name.split("[")[0].lower().replace("_", "-"), version.strip(), marker.strip(), line.count("--hash=sha256:")


def pins(problems: list[str]) -> int:
    number = 0
    for lock in LOCKS:
        entries = list(locked(ROOT / lock))
        number += len(entries)
        for name, version, _, hashes in entries:
            if not version or not hashes:
                problems.append(f"{lock}: {name} is not pinned to one version with its hashes")
        wanted = {re.split(r"[\[<>=;\s]", line)[0].lower().replace("_", "-")
                  for line in (ROOT / lock).with_suffix(".in").read_text("utf-8").splitlines() if line.strip() and not line.startswith(("-", "#"))}
        for name in sorted(wanted - {entry[0] for entry in entries}):
            problems.append(f"{lock}: {name} is asked for and not locked; run `make lock`")
    main = {entry[:2] for entry in locked(ROOT / LOCKS[0])}
    tests = {entry[:2] for entry in locked(ROOT / LOCKS[1])}
    problems += [f"{name} {version} is not the version that is tested" for name, version in sorted(main - tests)]
    return number


def installed(problems: list[str]) -> int:
    """What is installed here is what is locked, and its licence is one of those that are allowed."""
    wanted: dict[str, set[str]] = {}
    for name, version, _, _ in locked(ROOT / LOCKS[1]):
        wanted.setdefault(name, set()).add(version)
    number = 0
    for distribution in metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        if name in ("pip", "setuptools", "wheel", ""):
            continue
        number += 1
        if distribution.version not in wanted.get(name, set()):
            problems.append(f"{name} {distribution.version} is installed and not locked in that version")
        fields = distribution.metadata
        licence = " ".join([fields.get("License-Expression") or "", (fields.get("License") or "")[:200],
                            *(c for c in fields.get_all("Classifier") or () if c.startswith("License"))])
        if not ALLOWED.search(licence):
            problems.append(f"{name}: licence {licence.strip()[:80] or 'not stated'!r} is not one of those we use")
    return number


def consistent(problems: list[str]) -> None:
    ran = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    if ran.returncode:
        problems.append("pip check: " + ran.stdout.strip())


def known_weaknesses(tool: Path, problems: list[str]) -> str:
    """Ask pip-audit; gives a sentence. Packages that no service knows anything of are counted, not passed over."""
    answered: set[str] = set()
    asked = {entry[0] for lock in LOCKS for entry in locked(ROOT / lock)}
    reasons = []
    for service in SERVICES:
        command = [str(tool), "--disable-pip", "--require-hashes", "-s", service, "--timeout", "10", "-f", "json", "--progress-spinner", "off"]
        ran = subprocess.run([*command, *(part for lock in LOCKS for part in ("-r", lock))], cwd=ROOT, capture_output=True, text=True, check=False)
        try:
            found = json.loads(ran.stdout[ran.stdout.index("{"):])["dependencies"]
        except (ValueError, KeyError):
            reasons.append(f"{service}: {(ran.stderr.strip().splitlines() or ['no answer'])[-1][:120]}")
            continue
        skipped = [entry for entry in found if "skip_reason" in entry]
        if skipped:
            reasons.append(f"{service}: {len(skipped)} unknown, e.g. {skipped[0]['skip_reason'][:100]}")
        for entry in found:
            if "skip_reason" in entry:
                continue
            answered.add(entry["name"].lower())
            problems += [f"{entry['name']} {entry['version']}: {weak['id']}, mended in {', '.join(weak['fix_versions']) or 'nothing yet'}"
                         for weak in entry["vulns"]]
        if answered >= asked:
            break
    missing = asked - answered
    if not missing:
        return f"known weaknesses: {len(asked)} packages asked for, all answered"
    if os.environ.get("AUDIT") == "strict":
        problems.append(f"{len(missing)} packages could not be audited")
    return f"NOT AUDITED for known weaknesses: {len(missing)} of {len(asked)} packages; " + "; ".join(reasons)


def main() -> int:
    problems: list[str] = []
    print(f"audit: {pins(problems)} pins with hashes in {len(LOCKS)} files; {installed(problems)} packages installed, versions and licences compared")
    consistent(problems)
    tool = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if tool is not None and tool.exists():
        print("audit:", known_weaknesses(tool, problems))
    else:
        print("audit: NOT AUDITED for known weaknesses: pip-audit is not installed")
    for problem in problems:
        print("audit: PROBLEM", problem)
    print(f"audit: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
