"""What can go wrong between us and a Cells server.

Two families. `CellsUnusable` concerns the whole run (no connection, not a Cells, token): its exit status ends the run.
`CellsRefused` and its kinds concern one request about one object: the rest goes on. `NoAnswer` means the outcome of a
write is unknown: look the object up before doing anything again."""

from __future__ import annotations

from migrate.errors import ExitStatus, MigrationError


class CellsUnusable(MigrationError):
    """Base of the errors that end a run."""

    code = "E4000"
    title = "Cells at {url} cannot be used: {detail}"
    remedy = "Run `doctor --cells {url}`: it says what is missing."
    exit_status = ExitStatus.CELLS_UNREACHABLE


class CellsUnreachable(CellsUnusable):
    """No connection, or nothing but `503` and `429`, for as long as we were willing to wait."""

    code = "E4001"
    title = "Cells at {url} does not answer: {detail}"
    remedy = "Check the address, that Cells runs and that this machine may reach it, then run the same command again: it goes on where it stopped."
    retryable = True


class NotACells(CellsUnusable):
    """Something answers there, but it is not the REST interface of a Cells server (`GET /a/config/discovery`)."""

    code = "E4002"
    title = "What answers at {url} is not a Cells server: {detail}"
    remedy = "Give the address people type into their browser, without a path, for example https://files.example.org."


class TlsFailed(CellsUnusable):
    """The certificate of the server was not accepted, or it speaks no TLS at all."""

    code = "E4003"
    title = "The connection to {url} is not safe: {detail}"
    remedy = "{how}"


class BadAddress(CellsUnusable):
    """The address of the server is not a URL of a host."""

    code = "E4004"
    title = "{url} is not an address of a Cells server: {detail}"
    remedy = "Write it as https://files.example.org, with a port where one is needed; without login, password, query or path."
    exit_status = ExitStatus.USAGE


class TokenMissing(CellsUnusable):
    """No token was given, or what was given is none."""

    code = "E4010"
    title = "There is no usable token: {detail}"
    remedy = "On the server: `cells admin user token -u ADMIN -e 24h -q > token`; then give --token-file token (mode 0600) or set CELLS_TOKEN."
    exit_status = ExitStatus.NOT_AUTHORISED


class TokenRefused(CellsUnusable):
    """401 `Unauthorized.`: the token is unknown, expired or revoked, or its user is locked or deleted."""

    code = "E4011"
    title = "Cells at {url} does not accept the token (expired, revoked, or its user is locked)."
    remedy = "Make a new token with a longer life (`cells admin user token -u ADMIN -e 24h -q`) and run the same command again: it goes on where it stopped."
    exit_status = ExitStatus.NOT_AUTHORISED


class NotAdministrator(CellsUnusable):
    """401 `Unauthorized` (no dot) on an administrative read: a good token of somebody who is not an administrator."""

    code = "E4012"
    title = "The token belongs to {login}, who may not administer this Cells ({detail})."
    remedy = "Use a token of a user whose profile is `admin`."
    exit_status = ExitStatus.NOT_AUTHORISED


class LoginRefused(CellsUnusable):
    """`POST /a/frontend/session` refused login and password, or the account is locked. Never tried again: ten failures lock."""

    code = "E4013"
    title = "Cells at {url} does not let {login} sign in: {detail}"
    remedy = "Check login and password in a browser. After ten failures Cells locks the account; an administrator unlocks it."
    exit_status = ExitStatus.NOT_AUTHORISED


class TokenCommandFailed(CellsUnusable):
    """The command of --token-command failed or gave no token. Its output is not shown: it may hold the token."""

    code = "E4014"
    title = "The token command {command} gave no token: {detail}"
    remedy = "Run it by hand: it must print the token, and nothing else, on standard output within {seconds} s."
    exit_status = ExitStatus.NOT_AUTHORISED


class TokenScoped(CellsUnusable):
    """The token is limited to single documents: nothing could be written with it. Told before the first write."""

    code = "E4018"
    title = "The token of {login} is limited to single documents (scope), or none of the workspaces of {login} can be read: no file could be carried."
    remedy = "Make a token without `-s`: cells admin user token -u {login} -e 24h -q. If it has none: restart Cells, its data sources do not answer."
    exit_status = ExitStatus.NOT_AUTHORISED


class WriteForbidden(MigrationError):
    """A bug of ours: a command that only reads tried to write."""

    code = "E4020"
    title = "A command that only reads tried to send {method} {path}. Nothing was sent."
    remedy = "Report this with the command you ran."


class CellsRefused(MigrationError):
    """Cells answered one request with an error. `status`, `title` as sent (secrets masked); do not decide by its text."""

    code = "E4101"
    title = "Cells refused {method} {path}: {status} {reason}"
    remedy = "See what is said about this object in the report; settle it and run `apply` again."
    exit_status = ExitStatus.INCOMPLETE

    @property
    def status(self) -> int:
        """HTTP status of the answer; 0 when there was none."""
        return int(self.fields.get("status") or 0)

    @property
    def reason(self) -> str:
        """`Title` and, where it says more, `Detail` of the answer."""
        return str(self.fields.get("reason", ""))


class NotFound(CellsRefused):
    """404: the object does not exist, or may not be seen (a stat says 404 for both)."""

    code = "E4102"
    title = "Cells does not have (or does not show) {path}."


class AlreadyExists(CellsRefused):
    """The key is taken: 409, 403 (login), or 500 with a duplicate key (ACL; 3.x does not even say so). Look before deciding."""

    code = "E4103"
    title = "Cells already has what {method} {path} was to make: {status} {reason}"


class NotAllowed(CellsRefused):
    """401 without the dot, or 403: good token, missing right on this object."""

    code = "E4104"
    title = "Cells does not allow {method} {path}: {status} {reason}"
    remedy = "An administrator of this Cells has to give the token's user the right, or settle this object by hand."


class QuotaExceeded(CellsRefused):
    """422: a quota of Cells is full."""

    code = "E4105"
    title = "A quota of Cells is full: {path}."
    remedy = "Raise the quota of the workspace or role in Cells and run `apply` again."


class LockedInCells(CellsRefused):
    """423: somebody locked the node, or something below it."""

    code = "E4106"
    title = "{path} is locked in Cells."
    remedy = "Let the lock's owner release it, then run `apply` again."


class NoAnswer(CellsRefused):
    """The connection ended without an answer. For a write the outcome is unknown: look the object up, repeat at most once."""

    code = "E4107"
    title = "Cells gave no answer to {method} {path} ({reason}); whether it was done is unknown."
    remedy = "Run `apply` again: it looks before it repeats. If it happens at the same object every time, settle that object by hand."


class TooManyRequests(CellsRefused):
    """429 for longer than we wait: the server limits requests (CELLS_WEB_RATE_LIMIT). Nothing was done."""

    code = "E4108"
    title = "Cells limits the number of requests and did not accept {method} {path} within {waited} s."
    remedy = "Run again with fewer --workers, or raise CELLS_WEB_RATE_LIMIT for the time of the migration."
    retryable = True


class WrongAnswer(CellsRefused):
    """An answer that is no answer: the web client's HTML, no content type (a `%` in the URL), glued or broken JSON, too much, a redirect."""

    code = "E4109"
    title = "Cells did not answer {method} {path} properly: {status} {reason}"
    remedy = "Check in Cells whether all services run and that nothing between here and Cells changes answers; then run again."


class RefusedToSend(CellsRefused):
    """We did not send a request that would have hit something else than meant (empty key, wildcard, root group)."""

    code = "E4110"
    title = "Not sent, because it could change something else: {method} {path}: {reason}"
    remedy = "Settle this object by hand in Cells."


class OtherObject(CellsRefused):
    """Cells answered with another object than the one meant (another uuid for the login, another slug)."""

    code = "E4111"
    title = "Cells answered {method} {path} with another object: {reason}"
    remedy = "Look at both in Cells; rename or remove one, then run `plan` again."
