"""Certificates are checked, and what is wrong with one is told with its remedy."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from stub_server import answer

from migrate.cells.auth import GivenToken
from migrate.cells.errors import TlsFailed
from migrate.cells.session import Session

TOKEN = "a" * 43 + "." + "b" * 43


def certificate(folder: Path, *, name: str = "127.0.0.1", days: int = 30) -> Path:
    """A self-signed certificate with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    alternative = x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=60)).not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, hashes.SHA256()))
    path = folder / "server.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return path


class TlsServer:
    """Answers `{}` over TLS, and notes what reached it."""

    def __init__(self, pem: Path) -> None:
        self.seen: list[bytes] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self._listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except ssl.SSLError:
                continue
            except OSError:
                return
            with connection:
                self.seen.append(connection.recv(65536))
                connection.sendall(answer())

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"


def test_an_unknown_authority_is_refused_before_the_token_is_sent(tmp_path):
    server = TlsServer(certificate(tmp_path))
    with pytest.raises(TlsFailed) as error:
        Session(server.url, GivenToken(TOKEN)).get("/a/x")
    assert "--ca-bundle" in error.value.next_step
    assert server.seen == []


def test_the_environment_cannot_switch_the_check_off(tmp_path, monkeypatch):
    server = TlsServer(certificate(tmp_path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
    monkeypatch.setenv("CURL_CA_BUNDLE", "")
    with pytest.raises(TlsFailed):
        Session(server.url, GivenToken(TOKEN)).get("/a/x")


def test_a_given_authority_is_accepted(tmp_path):
    pem = certificate(tmp_path)
    session = Session(TlsServer(pem).url, GivenToken(TOKEN), ca_bundle=pem)
    assert session.get("/a/x") == {}
    assert session.findings == []


@pytest.mark.parametrize(("how", "words"), [({"days": -1}, "expired"), ({"name": "files.example.org"}, "another name")])
def test_what_is_wrong_with_a_certificate_is_told(tmp_path, how, words):
    pem = certificate(tmp_path, **how)
    with pytest.raises(TlsFailed, match=words):
        Session(TlsServer(pem).url, GivenToken(TOKEN), ca_bundle=pem).get("/a/x")


def test_insecure_is_a_choice_and_told(tmp_path):
    session = Session(TlsServer(certificate(tmp_path)).url, GivenToken(TOKEN), insecure=True)
    assert session.get("/a/x") == {}
    assert [f.code for f in session.findings] == ["F4004"]


def test_a_bundle_that_is_none_is_told_at_once(tmp_path):
    for text in (None, "no certificate"):
        path = tmp_path / "bundle.pem"
        if text:
            path.write_text(text)
        with pytest.raises(TlsFailed, match="bundle.pem"):
            Session("https://127.0.0.1:1", GivenToken(TOKEN), ca_bundle=path)


def test_an_unencrypted_way_over_a_network_is_told():
    assert [f.code for f in Session("http://files.example.org", GivenToken(TOKEN)).findings] == ["F4003"]
    for url in ("http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080", "https://files.example.org"):
        assert Session(url, GivenToken(TOKEN)).findings == []
