"""What does a later run change on a link or cell that is there? It narrows and removes, it never gives more.

What people changed in Cells since the last run is theirs: where it gives more than the old server did, it stays and is told;
where it gives less, it stays. What became less on the old server is taken off in Cells, too, counted from the moment of the last
run, because every change of a link starts the counter of Cells anew."""

from __future__ import annotations

from dataclasses import dataclass

from migrate.cells.models import LiveLink, Target
from migrate.transform.share_actions import CreateLink, EndShare, UpdateLink
from migrate.transform.share_options import MadeLink


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done (None: nothing), and in words what people opened in Cells and what therefore stays."""

    action: UpdateLink | EndShare | None = None
    opened: tuple[str, ...] = ()


def shows(target: Target, live: LiveLink, node: str) -> bool:
    """Whether a link shows this node, as far as the server tells: one that shows another was made by somebody else, whoever owns it."""
    space = target.workspaces.get(live.uuid)
    return space is None or not space.roots or not node or node in {path.strip("/") for path in space.roots.values()}


def as_made(live: LiveLink, made: tuple[MadeLink, ...]) -> MadeLink | None:
    """The one of these settings that stands (a run may have ended before or after it set the newest one), else the newest of them
    that is certain; None when this work folder did not make the link."""
    certain = next((one for one in made if one.certain), made[-1] if made else None)
    return next((one for one in made if untouched(live, one)), certain)


def untouched(live: LiveLink, made: MadeLink) -> bool:
    """Whether a link is as a run set it: rights, lock, end, limit."""
    return (_given(live.permissions) == _given(frozenset(made.permissions)) and live.protected == made.protected
            and live.access_end == made.expires and live.max_downloads == made.downloads)


def change(action: CreateLink, live: LiveLink, made: tuple[MadeLink, ...] = (), *, renew: bool = False) -> Change:
    """What is to change on a link that is there, so that it gives no more than the old one does now. `renew`: its password was changed on
    the old server."""
    before = as_made(live, made)
    opened: list[str] = []
    rights, wanted = _given(live.permissions), _given(frozenset(action.permissions))
    if before is not None and rights - _given(frozenset(before.permissions)):
        opened.append("its rights")
        wanted |= rights - _given(frozenset(before.permissions))
    bare = action.password != "none" and (renew or not live.protected)
    ends = live.access_end
    if action.expires and (not ends or ends > action.expires):
        if before is not None and before.expires and before.expires <= action.expires and ends != before.expires:
            opened.append("its end")
        else:
            ends = action.expires
    left = _left(action, live, before, opened)
    if rights <= wanted and not bare and ends == live.access_end and left is None:
        return Change(None, tuple(opened))
    counted = action.downloads
    if left is None:
        left = live.max_downloads - live.downloads if live.max_downloads else 0
    permissions = _named(rights & wanted, "Preview" in action.permissions)
    if not permissions or ((live.max_downloads or action.downloads) and left <= 0 and not (live.max_downloads == 0 and "its limit" in opened)):
        return Change(EndShare(hash=action.hash, owner_uuid=action.owner_uuid), tuple(opened))
    return Change(UpdateLink(action.hash, live.uuid, action.node, permissions, action.template, action.owner_login, action.owner_uuid, ends, max(left, 0),
                             action.password, action.record, counted, action.old_hash, renew and action.password != "none"), tuple(opened))


def _left(action: CreateLink, live: LiveLink, before: MadeLink | None, opened: list[str]) -> int | None:
    """Downloads to leave to the link (none left: 0 or less); None when its count is to stay as it is."""
    if not action.downloads:
        return None
    if before is not None and before.counted:
        used = before.counted - action.downloads  # on the old server since then
        if not live.max_downloads or live.max_downloads > before.downloads:
            opened.append("its limit")
        return live.max_downloads - live.downloads - used if used > 0 and live.max_downloads else None
    if live.max_downloads and live.max_downloads <= action.downloads:
        return None
    return min(action.downloads, live.max_downloads or action.downloads) - live.downloads


def _given(permissions: frozenset[str]) -> frozenset[str]:
    """What a link gives. Reading comes back as Preview, as Download, or both; Preview without Download still gives the bytes."""
    return frozenset({"Read"} if permissions & {"Preview", "Download"} else set()) | (permissions & {"Download", "Upload"})


def _named(given: frozenset[str], preview: bool) -> tuple[str, ...]:
    """The same in the words of Cells; a page for downloads alone has no Preview."""
    shows = "Read" in given and (preview or "Download" not in given)
    return tuple(name for name, has in (("Preview", shows), ("Download", "Download" in given), ("Upload", "Upload" in given)) if has)
