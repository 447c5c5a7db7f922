"""How one HTTP request is sent and its answer read, within limits: no redirects, no cookies, no foreign host, no endless answer."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import get_environ_proxies
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from migrate.cells.deadline import Limit, Watch, WatchedAdapter
from migrate.cells.errors import BadAddress, CellsUnreachable, TlsFailed

CHUNK = 256 * 1024


class NeverSent(Exception):
    """No connection could be made, so the server has not seen the request."""


class Broken(Exception):
    """The connection ended before the whole answer came; the server may have done what was asked."""


class TooMuch(Exception):
    """The answer is larger, or takes longer, than any answer should."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. `content_type` without parameters, lower case, empty when there was none."""

    status: int
    content_type: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, whatever its bytes."""
        return self.body.decode("utf-8", "replace")


def server_url(text: str) -> str:
    """`scheme://host[:port]` of a Cells server. BadAddress for anything that holds more, or less."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise BadAddress(url="(given address)", detail=str(error)) from None
    if parts.username or parts.password:
        raise BadAddress(url="(address with a login)", detail="it holds a login or password")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadAddress(url=text, detail="it has to begin with https:// or http:// and a host name")
    if parts.query or parts.fragment or parts.path not in ("", "/", "/a", "/a/"):
        raise BadAddress(url=text, detail="it holds more than a host name and a port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def in_clear(url: str) -> bool:
    """Whether requests to this server cross a network unencrypted."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return False
    host = parts.hostname or ""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


class Transport:
    """Sends requests to one server. Safe for `connections` threads at once."""

    def __init__(self, url: str, *, ca_bundle: Path | None, insecure: bool, connections: int, timeout: tuple[float, float],
                 max_answer: int, max_seconds: float) -> None:
        self.url = server_url(url)
        self.verify: bool | str = False if insecure else str(ca_bundle) if ca_bundle else True
        if ca_bundle and not insecure:
            _check_bundle(ca_bundle, self.url)
        self._timeout = timeout
        self._max_answer = max_answer
        self._max_seconds = max_seconds
        self._http = requests.Session()
        # A .netrc entry would replace our Authorization header, and environment settings could switch certificates off.
        self._http.trust_env = False
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._watch = Watch()
        adapter = WatchedAdapter(pool_connections=1, pool_maxsize=max(1, connections), max_retries=0, pool_block=True)
        self._http.mount("http://", adapter)
        self._http.mount("https://", adapter)
        # A proxy sees a tunnel for https; for plain http it would be handed the token itself, so none is used then.
        self.proxies = dict(get_environ_proxies(self.url)) if self.url.startswith("https:") else {}
        if insecure:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def send(self, method: str, path: str, *, headers: Mapping[str, str], params: Mapping[str, str] | None = None, data: Any = None,
             files: Any = None, read_timeout: float | None = None, max_answer: int | None = None) -> Answer:
        """One request, one answer. NeverSent, Broken, TooMuch; TlsFailed and CellsUnreachable for what no repeat can help."""
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError("a path begins with one slash")
        with self._watch.limit(self._max_seconds) as limit:
            try:
                return self._exchange(method, path, limit, headers=headers, params=params, data=data, files=files, read_timeout=read_timeout,
                                      max_answer=max_answer)
            except Broken:
                if limit.overdue:
                    raise self._too_long() from None
                raise

    def _exchange(self, method: str, path: str, limit: Limit, *, headers: Mapping[str, str], params: Mapping[str, str] | None, data: Any, files: Any,
                  read_timeout: float | None, max_answer: int | None) -> Answer:
        connect, read = self._timeout
        try:
            response = self._http.request(
                method, self.url + path, headers=dict(headers), params=params, data=data, files=files, stream=True, allow_redirects=False,
                timeout=(connect, read_timeout or read), verify=self.verify, proxies=self.proxies)
        except requests.exceptions.SSLError as error:
            if "EOF" in str(error):  # a server that went away, not a certificate
                raise Broken("the connection was closed") from None
            raise _tls(self.url, error) from None
        except requests.exceptions.ProxyError as error:
            raise NeverSent(f"the proxy refuses ({_short(error)})") from None
        except requests.exceptions.ConnectionError as error:
            raise (NeverSent if _never_sent(error) else Broken)(_short(error)) from None
        except requests.exceptions.Timeout:
            raise Broken(f"nothing within {read_timeout or read:g} s") from None
        except requests.exceptions.RequestException as error:
            raise CellsUnreachable(url=self.url, detail=_short(error)) from None
        with response:
            body = b"".join(self._limited(response, max_answer or self._max_answer, limit))
            if limit.overdue:  # what ends with the connection looks whole when it is cut
                raise self._too_long()
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            return Answer(response.status_code, kind, {k.lower(): v for k, v in response.headers.items()}, body)

    def _too_long(self) -> TooMuch:
        return TooMuch(f"still going on after {self._max_seconds:g} s")

    def _limited(self, response: requests.Response, most: int, limit: Limit) -> Iterator[bytes]:
        """The decoded body in pieces, as long as it stays within size and time."""
        size = 0
        try:
            for piece in response.iter_content(CHUNK):
                size += len(piece)
                if size > most:
                    raise TooMuch(f"more than {most >> 20} MiB")
                if limit.overdue:
                    raise self._too_long()
                yield piece
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise Broken(_short(error)) from None


def _check_bundle(path: Path, url: str) -> None:
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(str(path))
    except (OSError, ssl.SSLError) as error:
        raise TlsFailed(url=url, detail=f"the certificates in {path} cannot be read ({_short(error)})",
                        how=f"Give --ca-bundle a file in PEM form; is {path} the right one?") from None


def _never_sent(error: requests.exceptions.ConnectionError) -> bool:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError | ConnectTimeoutError)


def _short(error: Exception) -> str:
    """The innermost sentence of a nested network error, without addresses of objects."""
    text = str(error)
    for known in ("Connection refused", "Name or service not known", "nodename nor servname", "Temporary failure in name resolution", "timed out",
                  "Network is unreachable", "No route to host", "Connection reset by peer", "Remote end closed connection without response",
                  "Connection aborted", "IncompleteRead"):
        if known in text:
            return known
    return f"{type(error).__name__}: {text[:160]}"


_UNKNOWN_AUTHORITY = ("its certificate is signed by an authority that this machine does not know",
                      "Cells made its own authority. As the user who runs Cells: "
                      "ssh {host} 'cat \"${{CELLS_WORKING_DIR:-$HOME/.config/pydio/cells}}/certs/rootCA.pem\"' > rootCA.pem; "
                      "then the same command with --ca-bundle rootCA.pem. For another authority give its certificate.")
_SELF_SIGNED = ("its certificate is signed by itself",
                "openssl s_client -connect {host}:{port} -servername {host} </dev/null | openssl x509 > cells.pem; compare `openssl x509 -in cells.pem -noout "
                "-fingerprint` with what the server's administrator sees; then the same command with --ca-bundle cells.pem. For Cells' own authority: "
                "certs/rootCA.pem in its working folder.")
_PLAIN = ("the server speaks plain HTTP there", "Use {plain} if the way to the server is trusted, or the port where Cells speaks HTTPS.")
_OTHER_NAME = ("its certificate is for another name", "Use the name that the certificate is made for.")
_TLS_FAULTS = {
    "WRONG_VERSION_NUMBER": _PLAIN, "record layer failure": _PLAIN,
    "self-signed certificate in certificate chain": _UNKNOWN_AUTHORITY, "self signed certificate in certificate chain": _UNKNOWN_AUTHORITY,
    "self-signed": _SELF_SIGNED, "self signed": _SELF_SIGNED, "unable to get local issuer": _UNKNOWN_AUTHORITY,
    "certificate has expired": ("its certificate has expired", "Renew the certificate of the server (and check the clock of this machine)."),
    "not yet valid": ("its certificate is not valid yet", "Check the clocks of the server and of this machine."),
    "doesn't match": _OTHER_NAME, "certificate is not valid for": _OTHER_NAME, "Hostname mismatch": _OTHER_NAME, "IP address mismatch": _OTHER_NAME,
}


def _tls(url: str, error: Exception) -> TlsFailed:
    text = str(error)
    parts = urlsplit(url)
    places = {"plain": "http://" + url.partition("://")[2], "host": parts.hostname or "", "port": parts.port or 443}
    for part, (detail, how) in _TLS_FAULTS.items():
        if part in text:
            return TlsFailed(url=url, detail=detail, how=how.format(**places))
    return TlsFailed(url=url, detail=_short(error), how="Check the certificate in a browser; as a last resort, and only on a trusted network, --insecure.")
