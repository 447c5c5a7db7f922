"""Settings of the server that a migration looks at. `GET /a/config/{FullPath}`; never written."""

from __future__ import annotations

import json
from typing import Any

from migrate.cells.session import Session

MAILER = "services/pydio.grpc.mailer"
SIGN_IN = "frontend/plugin/core.auth"
MIN_LENGTH = 8
_NO_MAILER = ("", "disabled", "noop")


def read_config(session: Session, path: str) -> dict[str, Any]:
    """The settings below a path; a key that was never set has none. `Data` is JSON text."""
    text = session.get("/a/config/" + path).get("Data")
    try:
        value = json.loads(text) if isinstance(text, str) and text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def mailer_set(session: Session) -> bool:
    """Whether a mail server is set. Without one Cells answers requests for mails with 200 all the same."""
    sender = read_config(session, MAILER).get("sender")
    kind = sender.get("@value", "") if isinstance(sender, dict) else sender or ""
    return str(kind) not in _NO_MAILER


def minimum_password_length(session: Session) -> int:
    """What the web client asks for when people change their password (8 when it was never set)."""
    value = read_config(session, SIGN_IN).get("PASSWORD_MINLENGTH")
    return int(value) if str(value).isdigit() else MIN_LENGTH
