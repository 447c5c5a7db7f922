"""What does an encrypted value of an old server say? Link files, wallets and password parameters; decryption only.

Up to 6.4 everything is Rijndael with blocks of **256 bits** (that is not AES), ECB, zero padding. From 6.5 on parameters
are AES-256-CBC with a marked header; link files never changed. Nothing here logs or names a decrypted value."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from py3rijndael import Rijndael

from migrate.errors import ExitStatus, MigrationError

BLOCK = 32
"""Bytes in a block of the old cipher (AES has 16)."""

DEFAULT_SECRETS = (b"\x01CDAFx\xc2\xa8op#", b"\x01CDAFx\xa8op#", b"\x01CDAFx#")
"""The secret built into the application: as released, as left by an editor that saved Latin-1, as 2.5 had it (its `$op`
was taken for a variable)."""

CBC_HEADER = "5f084ae356ab1535"
"""First half of md5("cbc-128"): marks the format of 6.5 and later."""

PASSWORD_PREFIX = "$pydio_password$"
"""Marks encrypted role parameters since 6.0; before, they were bare."""

_ITERATIONS = 20_000
_MAX_CIPHER = 16 * 2**20


class CipherError(MigrationError):
    """An encrypted value of the old server is damaged, or was encrypted with a secret that is not at hand."""

    code = "E1031"
    title = "An encrypted value cannot be decrypted: {cause}."
    remedy = "Look up AJXP_SAFE_SECRET_KEY of the old server, or enter the value again after the migration."
    exit_status = ExitStatus.INCOMPLETE

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(cause=cause)


def rijndael_ecb(data: bytes, key: bytes) -> bytes:
    """Decrypt with 256-bit blocks, ECB. `key`: at most 32 bytes, zero-padded here to 16, 24 or 32, as mcrypt did;
    longer keys were cut. The zero padding of the text stays: readers of PHP values ignore it. Raises CipherError."""
    if not data or len(data) % BLOCK or len(data) > _MAX_CIPHER:
        raise CipherError("its length is not that of whole blocks")
    if not key:
        raise CipherError("the key is empty")
    key = key[:32]
    size = next(n for n in (16, 24, 32) if n >= len(key))
    cipher = Rijndael(key.ljust(size, b"\0"), block_size=BLOCK)
    return b"".join(cipher.decrypt(data[i : i + BLOCK]) for i in range(0, len(data), BLOCK))


def aes_cbc(data: bytes, login: str, secret: bytes) -> bytes:
    """Decrypt IV (16 bytes) + AES-256-CBC; the key is PBKDF2-HMAC-SHA512 of login + secret, salted with the md5 hex of the
    secret (6.5 and later). The zero padding stays. Raises CipherError."""
    if len(data) < 32 or len(data) % 16:
        raise CipherError("its length is not that of whole blocks")
    salt = hashlib.md5(secret).hexdigest().encode()
    key = hashlib.pbkdf2_hmac("sha512", login.encode("utf-8", "surrogateescape") + secret, salt, _ITERATIONS, 32)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(data[:16])).decryptor()
    return decryptor.update(data[16:]) + decryptor.finalize()


def decrypt_parameter(stored: str, login: str, secrets: Iterable[bytes] = ()) -> str:
    """The clear text of a password parameter or wallet entry of `login`, whatever version stored it.

    `secrets`: values of AJXP_SAFE_SECRET_KEY found in the configuration; the built-in ones are tried after them, because
    up to 6.4 the application used the built-in one for some values even where another was configured. A wrong secret
    shows itself only as bytes that are not text. Raises CipherError when no secret gives text."""
    text = stored.removeprefix(PASSWORD_PREFIX)
    modern = text.startswith(CBC_HEADER)
    data = _unbase64(text[len(CBC_HEADER) :] if modern else text)
    for secret in (*secrets, *DEFAULT_SECRETS):
        if modern:
            clear = aes_cbc(data, login, secret)
        else:
            key = hashlib.md5(login.encode("utf-8", "surrogateescape") + secret).hexdigest().encode()
            clear = rijndael_ecb(data, key)
        clear = clear.rstrip(b"\0")
        if _looks_like_text(clear):
            return clear.decode("utf-8")
    raise CipherError("no known secret fits")


def _looks_like_text(clear: bytes) -> bool:
    try:
        text = clear.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\t\r\n" for c in text)


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CipherError("it is no base64") from None
