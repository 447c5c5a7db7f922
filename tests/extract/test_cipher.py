"""Encrypted values of old servers: both formats, with vectors made by the real application's libraries."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.extract.php.cipher import CipherError, decrypt_parameter, rijndael_ecb
from migrate.extract.php.values import loads

PLAIN = (
    'a:5:{s:6:"DRIVER";s:2:"fs";s:9:"FILE_PATH";s:15:"/docs/Café.pdf";s:8:"PASSWORD";s:6:"s3cret";'
    's:11:"EXPIRE_TIME";i:1767225600;s:8:"OWNER_ID";s:3:"bob";}'
).encode()

SHORT_KEY = (
    "TIK0wsJqUPvzTpzu7gPkp70likMRySrZzXmH3NpnR2/hHti/XT2PGPAh+jE/8PbY1CxqHleTAnyWPNlbHA5ZaEf4UwwargHx73DLrlzgMwMOsnvJL/TBJf+k"
    "hwt+Stk/9Cfe9JWJQrGb8hYJikh11VAZbQD83EjfzUqfmF3t3NrA1R2lqr6SO4NCC9ghWsrHvLQlssBANy4DynimiiRH3Q=="
)
LONG_KEY = (
    "EPRw6JBHjyFq+s5aBysj0Sb1+slsKpSOQz3MaoH3XQjH7hAXNM+ByBt6QE/qoB2o4ogBZkJpLT1Y5mE22kcrxdGeHMnF7myBG4oq5lyppSlEBwFshWqdJ9oW"
    "8A5qid6x/LihnkIkw7QtWOLKMyJ3mbzL0gV7mdbH6SHXhGg4RfcIRScQxwZ+ocNp9eyQg/L6EtkeonN1q7iE7rpjcipF0g=="
)


@pytest.mark.parametrize(("stem", "cipher"), [("9f2c41", SHORT_KEY), ("b59f058b80c701b3c0cdde7afb1ee8d9", LONG_KEY)])
def test_link_file_is_decrypted_with_its_own_name_as_key(stem, cipher):
    clear = rijndael_ecb(base64.b64decode(cipher), stem.encode())
    assert clear.rstrip(b"\0") == PLAIN
    assert loads(clear)[b"PASSWORD"] == b"s3cret"


def test_wallet_entry_up_to_6_4_is_decrypted_with_the_built_in_secret():
    assert decrypt_parameter("xMYZ/SYKkBfcL88C2VnR2r4J6UhArE0HrecKURsadu8=", "bob") == "hunter2"


def test_parameter_since_6_5_is_decrypted_with_and_without_its_mark():
    stored = "5f084ae356ab1535AAECAwQFBgcICQoLDA0ODy6PZM9RA8S6+HkWGKjN5Ak="
    assert decrypt_parameter(stored, "bob") == "hunter2"
    assert decrypt_parameter("$pydio_password$" + stored, "bob") == "hunter2"


def test_built_in_secret_is_tried_after_a_configured_one():
    assert decrypt_parameter("xMYZ/SYKkBfcL88C2VnR2r4J6UhArE0HrecKURsadu8=", "bob", [b"another secret"]) == "hunter2"


def test_other_login_gives_an_error_that_names_no_value():
    with pytest.raises(CipherError) as error:
        decrypt_parameter("5f084ae356ab1535AAECAwQFBgcICQoLDA0ODy6PZM9RA8S6+HkWGKjN5Ak=", "eve")
    assert "hunter2" not in str(error.value)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60), st.text(max_size=8))
def test_garbage_never_raises_anything_but_a_cipher_error(stored, login):
    try:
        decrypt_parameter(stored, login)
    except CipherError:
        pass


@pytest.mark.parametrize(("data", "key"), [(b"", b"k"), (b"x" * 31, b"k"), (b"x" * 33, b"k"), (b"x" * 32, b"")])
def test_bytes_that_are_no_whole_blocks_are_refused(data, key):
    with pytest.raises(CipherError):
        rijndael_ecb(data, key)


def test_handles_longer_than_a_key_are_cut_as_the_old_library_did():
    assert rijndael_ecb(base64.b64decode(LONG_KEY), b"b59f058b80c701b3c0cdde7afb1ee8d9-and-more").rstrip(b"\0") == PLAIN
