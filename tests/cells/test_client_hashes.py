"""What proves that Cells holds the same bytes. Vectors: the definition in the reference, and a real server's answers."""

import hashlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.cells.hashes import BLOCK, Hasher, hashes_of, part_size_for, same_content, settled
from migrate.cells.models import Node


def by_definition(data: bytes) -> str:
    """x-cells-hash as the reference writes it down: another code than the one under test."""
    file, out, n = io.BytesIO(data), hashlib.md5(), 0
    while True:
        block = file.read(BLOCK)
        if not block and n:
            break
        out.update(hashlib.md5(block).digest())
        n += 1
        if len(block) < BLOCK:
            break
    return out.hexdigest()


def test_the_empty_file_has_the_hash_of_one_empty_block():
    empty = hashes_of([])
    assert empty.cells == "59adb24ef3cdbe0297f05b395827453f"  # as a real server shows it
    assert empty.part_etag == "59adb24ef3cdbe0297f05b395827453f-1"
    assert empty.md5 == "d41d8cd98f00b204e9800998ecf8427e"
    assert empty.size == 0


@pytest.mark.parametrize("size", [1, 5, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 7])
def test_cells_hash_is_that_of_the_definition_at_every_block_border(size):
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    assert hashes_of([data]).cells == by_definition(data)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.binary(max_size=4000), max_size=20))
def test_the_size_of_the_pieces_does_not_matter(pieces):
    whole = b"".join(pieces)
    assert hashes_of(pieces) == hashes_of([whole])
    assert hashes_of(pieces).sha256 == hashlib.sha256(whole).hexdigest()


def test_pieces_across_block_borders_give_the_same():
    data = b"abcdefg" * (3 * BLOCK // 7)
    pieces = [data[i:i + 999_983] for i in range(0, len(data), 999_983)]
    assert hashes_of(pieces, BLOCK).cells == by_definition(data)
    parts = [hashlib.md5(data[i:i + BLOCK]).digest() for i in range(0, len(data), BLOCK)]
    assert hashes_of(pieces, BLOCK).part_etag == f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}"


def test_a_copy_goes_its_own_way():
    first = Hasher()
    first.update(b"one")
    second = first.copy()
    second.update(b"two")
    assert first.result().md5 == hashlib.md5(b"one").hexdigest()
    assert second.result().md5 == hashlib.md5(b"onetwo").hexdigest()


def test_parts_are_multiples_of_ten_mib_and_at_most_5000():
    for size in (1, 100 << 20, 48 << 30, 5 << 40):
        part = part_size_for(size)
        assert part % BLOCK == 0
        assert -(-size // part) <= 5000
    with pytest.raises(ValueError):
        Hasher(6 << 20)


def node(size, etag="", content_hash=None):
    return Node("u", "ws/a", True, size, 0, etag, content_hash)


def test_an_md5_etag_decides_before_the_content_hash():
    hashes = hashes_of([b"new"])
    old = hashes_of([b"old"])
    assert same_content(node(3, hashes.md5, old.cells), hashes) is True  # a flat source kept the hash of the former content
    assert same_content(node(3, old.md5, hashes.cells), hashes) is False


def test_another_size_is_another_content():
    assert same_content(node(4, hashes_of([b"new"]).md5), hashes_of([b"new"])) is False


def test_what_the_server_cannot_tell_is_unknown():
    hashes = hashes_of([b"new"])
    for etag in ("temporary", "", "0" * 32 + "-1", "a" * 32 + "-7"):
        assert same_content(node(3, etag), hashes) is None
        assert same_content(node(3, etag, hashes.cells), hashes) is True
        assert same_content(node(3, etag, hashes_of([b"old"]).cells), hashes) is False


def test_an_etag_of_parts_is_compared_with_the_parts_that_were_sent():
    hashes = hashes_of([b"x" * (BLOCK + 1)], BLOCK)
    assert hashes.part_etag.endswith("-2")
    assert same_content(node(BLOCK + 1, hashes.part_etag), hashes) is True
    assert same_content(node(BLOCK + 1, "a" * 32 + "-2"), hashes) is False


def test_a_temporary_etag_is_not_settled():
    assert not settled(node(1, "temporary"))
    assert settled(node(1, "a" * 32))
