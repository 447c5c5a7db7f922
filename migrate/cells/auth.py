"""Where the token comes from, and what happens when it ends.

A source gives the current token and, when the server refuses it, a newer one or None. Tokens are in no repr, no log and
no exception. Personal access tokens have the form `43 characters . 43 characters`; tokens of sessions may look different,
so another form is a finding, and only what cannot be a token at all (empty, HTML, several lines) is refused."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from migrate.cells.errors import LoginRefused, TokenCommandFailed, TokenMissing
from migrate.errors import Finding, Severity, code, finding
from migrate.logs import keep_out

ENVIRONMENT = "CELLS_TOKEN"
COMMAND_SECONDS = 60
WAIT_SECONDS = 300
_FORM = re.compile(r"[\w-]{43}\.[\w-]{43}\Z")
_BEARER = re.compile(r"[A-Za-z0-9._~+/=-]+\Z")

TOKEN_FILE_OPEN = code(
    "F4001", Severity.WARNING, "The token file {subject} can be read by others on this machine.",
    "chmod 600 {subject}", "A token of an administrator opens everything in Cells. Its file should be readable by you only.")
TOKEN_FORM = code(
    "F4002", Severity.INFO, "The token ({subject}) does not look like a personal access token of Cells.",
    "If Cells refuses it, make one with `cells admin user token -u ADMIN -e 24h -q`.",
    "Personal access tokens are two groups of 43 characters with a dot between. Tokens of sessions may look different.")


class TokenSource(Protocol):
    """Gives tokens. Safe to be asked by several threads at once."""

    findings: list[Finding]

    def token(self) -> str:
        """The token to send now. TokenMissing, TokenCommandFailed or LoginRefused (exit 7) when there is none."""

    def renew(self, old: str) -> str | None:
        """Another token because `old` was refused; None when this source has no other. May wait (for a person, a command)."""


def usable(text: str, where: str) -> str:
    """The token in `text` (outer white space removed). TokenMissing for what cannot be one; the text itself is not shown."""
    token = text.strip()
    if not token:
        raise TokenMissing(detail=f"{where} is empty")
    if "\n" in token or "\r" in token:
        raise TokenMissing(detail=f"{where} holds several lines")
    if not _BEARER.match(token):
        kind = "a web page" if "<" in token else "characters that no token has"
        raise TokenMissing(detail=f"{where} holds {kind}")
    keep_out(token)
    return token


class _Source:
    """What all sources share: the last token, a lock, findings each once."""

    def __init__(self, where: str) -> None:
        self.findings: list[Finding] = []
        self._where = where
        self._lock = threading.RLock()
        self._last: str | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._where}>"

    def _accept(self, text: str) -> str:
        token = usable(text, self._where)
        if not _FORM.match(token):
            self._note(finding(TOKEN_FORM, "token", self._where))
        self._last = token
        return token

    def _note(self, item: Finding) -> None:
        if item not in self.findings:
            self.findings.append(item)

    def _fetch(self) -> str:
        raise NotImplementedError

    def token(self) -> str:
        with self._lock:
            return self._last or self._accept(self._fetch())

    def renew(self, old: str) -> str | None:
        with self._lock:
            if self._last and self._last != old:
                return self._last  # another thread was faster
            token = self._accept(self._fetch())
            return token if token != old else None


class EnvironmentToken(_Source):
    """`CELLS_TOKEN`. Cannot be renewed: an environment does not change while the program runs."""

    def __init__(self, variable: str = ENVIRONMENT) -> None:
        super().__init__(f"environment variable {variable}")
        self._variable = variable

    def _fetch(self) -> str:
        return os.environ.get(self._variable, "")


class GivenToken(_Source):
    """A token that the program already holds (tests, the demo)."""

    def __init__(self, token: str) -> None:
        super().__init__("given token")
        self._given = token

    def _fetch(self) -> str:
        return self._given


class FileToken(_Source):
    """--token-file. Read again when the token is refused, so that it can be replaced during a long run."""

    MAX_BYTES = 16_384

    def __init__(self, path: Path) -> None:
        super().__init__(f"token file {path}")
        self.path = path

    def _fetch(self) -> str:
        try:
            with self.path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                raw = file.read(self.MAX_BYTES + 1)
        except OSError as error:
            raise TokenMissing(detail=f"{self._where} cannot be read ({error.strerror})") from None
        if stat.S_ISREG(mode) and mode & 0o077:
            self._note(finding(TOKEN_FILE_OPEN, "token", str(self.path)))
        if len(raw) > self.MAX_BYTES:
            raise TokenMissing(detail=f"{self._where} is too large to be a token")
        return raw.decode("utf-8", "replace")


class CommandToken(_Source):
    """--token-command. Run without a shell, once at the start and again each time the token is refused."""

    def __init__(self, command: str, seconds: float = COMMAND_SECONDS) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError:
            self._words = []
        # Only the program is named: arguments of such commands hold secrets often enough.
        self._name = self._words[0] if self._words else "(empty)"
        self._seconds = seconds
        super().__init__(f"token command {self._name}")

    def _fetch(self) -> str:
        if not self._words:
            raise TokenCommandFailed(command=self._name, detail="the command line cannot be read", seconds=self._seconds)
        try:
            done = subprocess.run(self._words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  timeout=self._seconds, check=False, env={k: v for k, v in os.environ.items() if not _SECRET_NAMES.search(k)})
        except subprocess.TimeoutExpired:
            raise TokenCommandFailed(command=self._name, detail="it took too long", seconds=self._seconds) from None
        except OSError as error:
            raise TokenCommandFailed(command=self._name, detail=error.strerror or "it cannot be started", seconds=self._seconds) from None
        if done.returncode:
            raise TokenCommandFailed(command=self._name, detail=f"it ended with status {done.returncode}", seconds=self._seconds)
        try:
            return usable(done.stdout.decode("utf-8", "replace"), self._where)
        except TokenMissing as error:  # `cells admin user token` ends with status 0 and no token for an unknown user
            raise TokenCommandFailed(command=self._name, detail=str(error.fields["detail"]), seconds=self._seconds) from None


_SECRET_NAMES = re.compile(r"^(CELLS_TOKEN|MIGRATE_(CELLS_)?DATABASE|MIGRATE_\w*(SECRET|PASSWORD)\w*)$")
"""Variables by which this tool is given secrets: a command that only prints a token need not see them."""


class AskingToken:
    """Another source, and a person at the terminal for when it has no further token: the run waits, then goes on. `ask` gives what
    was entered; an empty answer means that there is none."""

    def __init__(self, inner: TokenSource, ask: Callable[[], str]) -> None:
        self.inner = inner
        self._ask = ask
        self._lock = threading.RLock()
        self._entered: str | None = None

    def __repr__(self) -> str:
        return f"<AskingToken {self.inner!r}>"

    @property
    def findings(self) -> list[Finding]:
        return self.inner.findings

    def token(self) -> str:
        """What was entered last, else what the source gives."""
        return self._entered or self.inner.token()

    def renew(self, old: str) -> str | None:
        """From the source; when it has none, asked for, once for all who wait. Everybody else stands still meanwhile."""
        with self._lock:
            if self._entered and self._entered != old:
                return self._entered
            newer = None if self._entered else self.inner.renew(old)
            if newer:
                return newer
            text = self._ask()
            if not text.strip():
                return None
            self._entered = usable(text, "what was entered")
            return self._entered if self._entered != old else None


class WaitingToken:
    """Another source that can be replaced while the program runs (a token file), and patience: when its token has ended in the middle of
    a run, the run stands still until there is another one. A token that never worked is not waited for: its first request would
    have ended the run."""

    def __init__(self, inner: TokenSource, say: Callable[[float], None], *, seconds: float = WAIT_SECONDS, pause: float = 2.0,
                 sleep: Callable[[float], Any] = time.sleep, now: Callable[[], float] = time.monotonic) -> None:
        """`say`: told once, with the seconds it will wait."""
        self.inner, self._say = inner, say
        self._seconds, self._pause, self._sleep, self._now = seconds, pause, sleep, now
        self._lock = threading.RLock()
        self._given: tuple[str, int] = ("", 0)
        self._given_up = ""

    def __repr__(self) -> str:
        return f"<WaitingToken {self.inner!r}>"

    @property
    def findings(self) -> list[Finding]:
        return self.inner.findings

    def token(self) -> str:
        """What the source gives."""
        token = self.inner.token()
        last, number = self._given
        self._given = (token, number + 1 if last == token else 1)
        return token

    def renew(self, old: str) -> str | None:
        """From the source, as soon as it has another one; None after the whole time. Everybody else stands still meanwhile."""
        with self._lock:
            newer = self._another(old)
            if newer or self._given_up == old or self._given[0] == old and self._given[1] < 2:
                return newer
            end = self._now() + self._seconds
            self._say(self._seconds)
            while newer is None and self._now() < end:
                self._sleep(self._pause)
                newer = self._another(old)
            if newer is None:
                self._given_up = old  # the others that wait need not wait as long again
            return newer

    def _another(self, old: str) -> str | None:
        """A file may be missing or empty for the moment in which it is replaced."""
        try:
            return self.inner.renew(old)
        except TokenMissing:
            return None


class PasswordToken(_Source):
    """Login and password: a session token of ten minutes, made anew before it ends.

    `sign_in(login, password)` gives (token, end as epoch seconds); see `session.sign_in_with`. A refused password is not
    tried again by this process: ten failures lock the account."""

    MARGIN = 60

    def __init__(self, login: str, password: str, sign_in: Callable[[str, str], tuple[str, int]],
                 now: Callable[[], float] = time.time) -> None:
        super().__init__(f"session of {login}")
        keep_out(password)
        self._login = login
        self._password = password
        self._sign_in = sign_in
        self._now = now
        self._end = 0
        self._refused: Exception | None = None

    def _fetch(self) -> str:
        if self._refused:
            raise self._refused
        try:
            token, self._end = self._sign_in(self._login, self._password)
        except LoginRefused as error:
            self._refused = error
            raise
        return token

    def token(self) -> str:
        with self._lock:
            if self._last and self._now() < self._end - self.MARGIN:
                return self._last
            return self._accept(self._fetch())


def token_source(token_file: Path | None = None, token_command: str | None = None) -> TokenSource:
    """The source that the options name; without options the environment. TokenMissing when there is none at all."""
    if token_file is not None:
        return FileToken(token_file)
    if token_command:
        return CommandToken(token_command)
    if os.environ.get(ENVIRONMENT, "").strip():
        return EnvironmentToken()
    raise TokenMissing(detail=f"neither --token-file nor --token-command nor {ENVIRONMENT} is given")
