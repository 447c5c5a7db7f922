"""Which public link does an old one become, if any? Address, rights, lock, end and remaining downloads.

On doubt nothing is published: a link whose protection or address cannot be carried as it was stays out and is told."""

from __future__ import annotations

import re

from migrate.cells.models import LiveShares
from migrate.extract.records import Link, Share
from migrate.transform import names
from migrate.transform import share_codes as codes
from migrate.transform.actions import NodeRef
from migrate.transform.people import Person
from migrate.transform.share_actions import CreateLink, EndShare
from migrate.transform.share_delta import change, shows
from migrate.transform.share_layouts import template_of
from migrate.transform.share_options import ShareOptions, ShareWorld
from migrate.transform.share_told import Told, short, visible

MONTH = 30 * 86400
"""How long a revived link lives that had expired."""
MAX_HASH = 1000
_BAD_HASH = re.compile(r"[/\\\x00-\x20\x7f]|%(?![0-9A-Fa-f]{2})")


class Links:
    """Decides about one link after another. `told` hears what is left out and why."""

    def __init__(self, world: ShareWorld, live: LiveShares, options: ShareOptions, told: Told) -> None:
        self._world, self._live, self._options, self._told = world, live, options, told
        self._wide = world.target.facts.features.wide_characters
        self._used: set[str] = set()
        self.ended: list[EndShare] = []
        """Removals of links that are there and have nothing left to give."""

    def of(self, share: Share, owner: Person, node: NodeRef, is_file: bool) -> CreateLink | None:
        """The link that a share's old one becomes; None when it is not published."""
        link = share.link
        assert link is not None
        if link.restricted or link.login_required:
            if not share.entries:
                self._told.skip(share, codes.FOR_NAMED_PEOPLE if link.restricted else codes.NOBODY_TO_SIGN_IN)
            return None
        permissions = tuple(name for name, has in (("Preview", link.read), ("Download", link.download), ("Upload", link.write)) if has)
        if not permissions:
            self._told.skip(share, codes.GIVES_NOTHING)
            return None
        life = self._life(share, link)
        if life is None:
            return None
        expires, downloads = life
        looking_only = link.read and not link.download
        if looking_only and self._options.strict_no_download:
            self._told.skip(share, codes.NO_DOWNLOAD)
            return None
        hash_ = self._hash(share, link)
        if not self._free(share, hash_, owner, str(node)):
            return None
        template, known = template_of(link.layout, is_file, frozenset(permissions), self._options.layouts)
        if looking_only:
            self._told.say(codes.PREVIEW_ONLY, share)
        if not known:
            self._told.say(codes.LAYOUT_UNKNOWN, share, layout=link.layout, new=template)
        label = short(names.label(share.label or visible(share.path).rpartition("/")[2], self._wide), 499) or "Link"
        made = CreateLink(hash_, node, label, permissions, template, owner.login, owner.uuid, short(names.label(share.description, self._wide), 999),
                          "protected" if link.has_password else "none", expires, downloads, link.hash if hash_ != link.hash else "")
        if self._ends(share, made):
            return None
        self._password(share, made)
        return made

    def _ends(self, share: Share, made: CreateLink) -> bool:
        """Whether the link is there and has nothing left to give: then it goes."""
        live = self._live.links.get(made.hash)
        ended = change(made, live, self._options.made_links.get(made.hash, ())).action if live is not None else None
        if not isinstance(ended, EndShare):
            return False
        self._told.skip(share, codes.USED_UP if made.downloads else codes.GIVES_NOTHING)
        self.ended.append(ended)
        return True

    def _password(self, share: Share, made: CreateLink) -> None:
        if not only_hash(share):
            return
        if made.hash in self._options.kept:
            return
        route = "" if made.hash in self._options.refused else self._options.hash_route
        self._told.say({"": codes.NEW_PASSWORD, "script": codes.CARRIED_PASSWORD}.get(route, codes.KEPT_PASSWORD), share)

    def _life(self, share: Share, link: Link) -> tuple[int, int] | None:
        """(end, downloads left) of a link that still lives; None when it is dead."""
        expires, downloads = max(link.expires_at or 0, 0), 0
        if link.expired or (link.expires_at and link.expires_at <= self._options.now):
            if "expired" not in self._options.revive:
                self._told.skip(share, codes.EXPIRED)
                return None
            expires = self._options.now + MONTH
            self._told.say(codes.REVIVED, share, reason="it had expired")
        if link.download_limit is not None:
            downloads = link.download_limit - link.download_count
            if downloads <= 0:
                if "exhausted" not in self._options.revive or link.download_limit <= 0:
                    self._told.skip(share, codes.USED_UP)
                    return None
                downloads = link.download_limit
                self._told.say(codes.REVIVED, share, reason="its downloads were used up")
        return expires, downloads

    def _hash(self, share: Share, link: Link) -> str:
        if usable_hash(link.hash):
            return link.hash
        new = self._world.identity.of("link", link.hash).replace("-", "")[:16]
        self._told.say(codes.NEW_ADDRESS, share, new=new)
        return new

    def _free(self, share: Share, hash_: str, owner: Person, node: str) -> bool:
        """Whether nobody else's link has this address: a link of the owner, or one that was not handed over yet, is ours when it
        shows the same node. Of two old links of one address the first counts."""
        live = self._live.links.get(hash_)
        target = self._world.target
        free = live is None or (bool(live.owners & {owner.uuid, target.loader_uuid}) and shows(target, live, node))
        if hash_ in self._used or not free:
            self._told.skip(share, codes.ADDRESS_TAKEN)
            return False
        self._used.add(hash_)
        return True


def only_hash(share: Share) -> bool:
    """Whether the link's password is known as a hash only. File links of old versions, which have no child, hold it in clear text."""
    return share.link is not None and share.link.has_password and bool(share.child_workspace_id)


def usable_hash(hash_: str) -> bool:
    """Whether visitors get in with this hash: no slash, no stray `%`, no dots alone, nothing that a URL loses. Letters outside ASCII show
    the page, but the web client sends the hash as a header when it signs in, and the server (4.1) breaks off at them."""
    return hash_.isascii() and hash_.isprintable() and hash_ not in ("", ".", "..") and len(hash_) <= MAX_HASH and not _BAD_HASH.search(hash_)
