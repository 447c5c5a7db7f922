"""Which differences did people make in Cells, as the plan has named them? They are theirs and no fault of the migration."""

from __future__ import annotations

from migrate.errors import Severity, code, finding
from migrate.ledger import Ledger
from migrate.verify.difference import Difference, Verdict

PEOPLES = code("F6106", Severity.INFO, "{subject}: Cells has {target} where the old server has {source}; people made it so in Cells, as the plan named.",
               "Nothing to do if that is wanted; else plan with --source-wins.")


def accept_kept(ledger: Ledger, verdict: Verdict) -> None:
    """Differences under a subject that the plan left to people become findings."""
    matches = {(str(kind), str(subject)) for entry in ledger.get("kept") or () for kind, subject in entry["match"]}
    if not matches:
        return
    left = []
    for difference in verdict.differences:
        if not _made_by_people(difference, matches):
            left.append(difference)
            continue
        verdict.total[difference.kind] -= 1
        verdict.wider -= difference.wider
        verdict.accepted[PEOPLES.code] += 1
        source, target = difference.source or "nothing", difference.target or "nothing"
        verdict.findings.append(finding(PEOPLES, difference.kind, difference.subject, source=source, target=target))
    verdict.differences[:] = left
    verdict.total += type(verdict.total)()  # drops kinds that have none left


def _made_by_people(difference: Difference, matches: set[tuple[str, str]]) -> bool:
    kind, subject = difference.kind, difference.subject
    if kind == "access":
        person, _, place = subject.partition(": ")
        workspace = place.partition(" (")[0].partition(":/")[0]
        return bool({("access", f"{person}\0{workspace}"), ("access", f"{person}\0"), ("access", person), ("access", f"\0{workspace}")} & matches)
    if kind == "shares" and not difference.wider and ("members", subject.rpartition(": ")[2]) in matches:
        return True
    if kind == "shares" and (("narrowed", subject) in matches and not difference.wider or ("opened", subject) in matches):
        return True
    return (kind, subject) in matches or any(found == kind and name and subject.startswith((name + ":", name + " ", name + "\0")) for found, name in matches)
