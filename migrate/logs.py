"""Events with fields, to stderr, without secrets."""

from __future__ import annotations

import bisect
import logging
import re
import sys
import threading
from typing import Any

import structlog

_SECRET_KEYS = re.compile(r"pass(word)?|token|secret|authorization|bearer|jwt|hash$|cookie", re.IGNORECASE)
_TOKEN = re.compile(r"[\w-]{43}\.[\w-]{43}|sha256:1000:[^\s\"']+")
_known: set[str] = set()
_longest_first: list[str] = []
_adding = threading.Lock()


def keep_out(secret: str | None) -> None:
    """From now on this value is masked in every event, whatever field it hides in. Any thread may say so."""
    if secret and len(secret) >= 6:
        with _adding:
            if secret not in _known:
                _known.add(secret)
                bisect.insort(_longest_first, secret, key=lambda known: -len(known))


def redact(text: str) -> str:
    """The text with every known secret, token and password hash masked; of secrets that begin alike the longer one first."""
    with _adding:
        known = tuple(_longest_first)
    for secret in known:
        text = text.replace(secret, "[masked]")
    return _TOKEN.sub("[masked]", text)


def _mask(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    for key, value in event.items():
        if key != "event" and _SECRET_KEYS.search(key):
            event[key] = "[masked]"
        elif isinstance(value, str):
            event[key] = redact(value)
    return event


def configure(form: str = "text", quiet: bool = False, verbose: bool = False) -> None:
    """`form`: `text` or `json`. Normally warnings and errors are shown, with `verbose` every event; `quiet` errors only."""
    level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.WARNING
    if form == "json" and not quiet and not verbose:
        level = logging.INFO
    renderer = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level,
                    structlog.processors.TimeStamper(fmt="iso"), _mask, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.getLogger("boto3").setLevel(logging.CRITICAL)
    logging.getLogger("botocore").setLevel(logging.CRITICAL)
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
