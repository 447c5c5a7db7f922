"""Sets quotas, start workspaces and pictures, and takes them back."""

from __future__ import annotations

import hashlib

from migrate.cells.api import parameters, users
from migrate.cells.models import Acl
from migrate.errors import MigrationError
from migrate.load.nodes import NodeMissing
from migrate.load.tools import Result, Tools, performs
from migrate.transform.metadata_actions import RestoreParameter, RestoreQuota, SetParameter, SetPicture, SetQuota

MAX_PICTURE = 5 * 1024 * 1024
_TYPES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"RIFF", "image/webp"), (b"BM", "image/bmp"))


class PictureOdd(MigrationError):
    """A picture that Cells would not take, or that should not be shown: too large, or no plain image (SVG can hold scripts)."""

    code = "E4803"
    title = "The picture of {login} is not carried: {reason}."
    remedy = "Let the person choose a picture in Cells."


@performs(SetQuota)
def set_quota(tools: Tools, action: SetQuota, look: bool) -> Result:
    """Natural key: (role, workspace, node)."""
    node = tools.nodes.uuid(action.node)  # type: ignore[arg-type]
    former = parameters.state(tools.session, Acl(node, action.role, action.workspace, parameters.QUOTA, action.amount))
    return {"before": former}


@performs(RestoreQuota)
def restore_quota(tools: Tools, action: RestoreQuota, look: bool) -> Result:
    """The former value, or none."""
    try:
        node = tools.nodes.uuid(action.node)  # type: ignore[arg-type]
    except NodeMissing:
        return {"gone": True}
    rule = Acl(node, action.role, action.workspace, parameters.QUOTA, action.amount)
    if action.amount:
        parameters.state(tools.session, rule)
    else:
        parameters.withdraw(tools.session, rule)
    return {}


@performs(SetParameter)
def set_parameter(tools: Tools, action: SetParameter, look: bool) -> Result:
    """Natural key: (role, name)."""
    former = parameters.state(tools.session, Acl("", action.role, parameters.EVERYWHERE, action.name, action.value))
    return {"before": former}


@performs(RestoreParameter)
def restore_parameter(tools: Tools, action: RestoreParameter, look: bool) -> Result:
    """The former value, or none."""
    rule = Acl("", action.role, parameters.EVERYWHERE, action.name, action.value)
    if action.value:
        parameters.state(tools.session, rule)
    else:
        parameters.withdraw(tools.session, rule)
    return {}


def _is_ours(tools: Tools, action: SetPicture) -> bool:
    """Whether the picture that is there is the one an earlier run brought, and the old server has another now."""
    there = users.get_avatar(tools.session, action.login)
    return bool(there and action.before and hashlib.sha256(there).hexdigest() == action.before)


@performs(SetPicture)
def set_picture(tools: Tools, action: SetPicture, look: bool) -> Result:
    """Natural key: the account has a picture. The bytes must be those that were found when the old server was read."""
    account = users.get_user(tools.session, action.login)
    if account is None or account.uuid != action.uuid:
        raise PictureOdd(login=action.login, reason="the account is another one now")
    if account.attributes.get("avatar") and not _is_ours(tools, action):
        return {"adopted": True}
    image = tools.pictures(action.record)
    if image is None or hashlib.sha256(image).hexdigest() != action.sha256:
        raise PictureOdd(login=action.login, reason="it is not there any more on the old server, or another one")
    kind = next((kind for magic, kind in _TYPES if image.startswith(magic)), None)
    if kind is None or len(image) > MAX_PICTURE:
        raise PictureOdd(login=action.login, reason="it is larger than 5 MB" if kind else "it is no PNG, JPEG, GIF, WebP or BMP")
    return {"binary": users.set_avatar(tools.session, action.login, image, kind)}
