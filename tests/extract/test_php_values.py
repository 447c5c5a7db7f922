"""Serialized PHP values: read exactly, bounded, and never a crash."""

from __future__ import annotations

import math
import os
import sys

import phpserialize
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.extract.php.values import (
    Limits,
    PhpCycle,
    PhpObject,
    PhpValueError,
    decode_value,
    loads,
    loads_ex,
    loads_repaired,
    path_text,
    plain,
    read_items,
    text,
    truth,
)

EXAMPLES = int(os.environ.get("MIGRATE_EXAMPLES", "150"))


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"N;", None),
        (b"b:1;", True),
        (b"b:0;", False),
        (b"i:-12;", -12),
        (b"d:0.1;", 0.1),
        (b"d:0.1000000000000000055511151231257827021181583404541015625;", 0.1),
        (b"d:1.0E+20;", 1e20),
        (b"d:-INF;", -math.inf),
        (b's:2:"\xc3\xa9";', "é".encode()),
        (b's:4:"a";b";', b'a";b'),
        (b'a:2:{i:0;s:1:"x";s:1:"k";a:0:{}}', {0: b"x", b"k": {}}),
    ],
)
def test_scalars_and_arrays(data, value):
    assert loads(data) == value


def test_not_a_number():
    assert math.isnan(loads(b"d:NAN;"))


def test_digit_keys_become_numbers_as_php_does_but_not_those_with_leading_zeros():
    assert list(loads(b'a:4:{s:2:"12";i:1;s:2:"01";i:2;s:2:"-5";i:3;s:20:"99999999999999999999";i:4;}')) == [12, b"01", -5, b"9" * 20]


def test_private_and_protected_names_are_bare_and_namespaces_do_not_matter():
    name = b"Pydio\\Conf\\Core\\AJXP_Role"
    data = b'O:25:"%s":2:{s:9:"\0*\0roleId";s:1:"R";s:31:"\0%s\0acls";a:1:{i:0;s:2:"rw";}}' % (name, name)
    value = loads(data)
    assert (value.class_name, value.short_name) == ("Pydio\\Conf\\Core\\AJXP_Role", "AJXP_Role")
    assert value.properties == {"roleId": b"R", "acls": {0: b"rw"}}


REFERENCES = (
    b'a:4:{s:1:"x";O:1:"P":1:{s:8:"\0P\0value";i:3;}s:1:"m";C:1:"M":57:{a:2:{s:1:"a";O:1:"P":1:{s:8:"\0P\0value";i:3;}s:1:"b";r:6;}}'
    b's:1:"y";r:2;s:1:"z";r:6;}'
)


def test_numbering_of_references_runs_through_custom_payloads():
    value = loads(REFERENCES)
    assert value[b"y"] is value[b"x"]
    assert value[b"z"] is value[b"m"].payload[b"a"] is value[b"m"].payload[b"b"]


def test_an_object_reference_takes_a_slot_and_a_php_reference_does_not():
    value = loads(b'a:4:{i:0;O:1:"P":0:{}i:1;r:2;i:2;s:1:"x";i:3;R:4;}')
    assert value[3] == b"x"
    value = loads(b'a:4:{i:0;O:1:"P":0:{}i:1;R:2;i:2;s:1:"x";i:3;R:3;}')
    assert value[3] == b"x"


def test_a_cycle_is_marked_not_followed():
    value = loads(b'O:1:"A":1:{s:4:"self";r:1;}')
    assert value.get("self") == PhpCycle(1)
    assert plain(value) == {"self": None}


def test_custom_payload_that_is_no_value_is_kept_as_bytes():
    assert loads(b'a:2:{i:0;C:1:"M":5:{x:i:1}i:1;b:1;}') == {0: PhpObject("M", {}, b"x:i:1"), 1: True}


def test_a_few_bytes_cannot_stand_for_a_huge_tree():
    bomb = b"a:41:{i:0;a:0:{}" + b"".join(b"i:%d;a:2:{i:0;R:%d;i:1;R:%d;}" % (i, i + 1, i + 1) for i in range(1, 41)) + b"}"
    with pytest.raises(PhpValueError, match="stands for more than"):
        loads(bomb)


def test_depth_hidden_in_references_counts():
    links = b"".join(b"i:%d;a:1:{i:0;R:%d;}" % (i, i + 1) for i in range(1, 400))
    with pytest.raises(PhpValueError, match="levels deep"):
        loads(b"a:400:{i:0;a:0:{}" + links + b"}")


@pytest.mark.parametrize("start", [b"a:1:{i:0;", b'O:1:"P":1:{s:1:"p";', b'C:1:"P":9999:{'])
def test_nesting_is_limited_whatever_pythons_limit_is(start):
    with pytest.raises(PhpValueError):
        loads(start * 100_000)
    assert sys.getrecursionlimit() <= 10_000


def test_limits_are_those_given():
    small = Limits(size=40, depth=2, elements=3)
    assert loads(b"a:1:{i:0;a:0:{}}", limits=small) == {0: {}}
    for data in (b"a:1:{i:0;a:1:{i:0;a:0:{}}}", b"a:3:{i:0;N;i:1;N;i:2;N;}", b's:60:"%s";' % (b"x" * 60)):
        with pytest.raises(PhpValueError):
            loads(data, limits=small)


def test_what_follows_a_value_is_ignored_and_counted():
    assert loads_ex(b'a:0:{}:0;s:5:"hello";').trailing == 15


@pytest.mark.parametrize("cut", range(1, len(REFERENCES)))
def test_every_truncation_is_an_error_with_an_offset(cut):
    with pytest.raises(PhpValueError) as caught:
        loads(REFERENCES[:cut])
    assert 0 <= caught.value.offset <= cut


def test_errors_do_not_show_the_data():
    with pytest.raises(PhpValueError) as caught:
        loads(b'a:1:{s:8:"password";s:99:"hunter2";}')
    assert "hunter2" not in str(caught.value) + repr(caught.value) + caught.value.next_step


def test_wrong_lengths_are_repaired_only_when_asked_and_the_use_is_told():
    broken = b'a:2:{s:15:"AJXP_USR_/useruser1";s:2:"rw";s:1:"k";i:1;}'
    with pytest.raises(PhpValueError):
        loads(broken)
    result = loads_repaired(broken)
    assert result.value == {b"AJXP_USR_/useruser1": b"rw", b"k": 1}
    assert len(result.repaired) == 1
    assert loads_repaired(REFERENCES).repaired == ()


def test_entries_before_the_damage_are_given():
    got = []
    with pytest.raises(PhpValueError):
        for item in read_items(b'a:3:{s:1:"a";i:1;i:7;a:1:{i:0;N;}s:1:"c";i:'):
            got.append(item)
    assert got == [(b"a", 1), (7, {0: None})]


def test_layers():
    assert decode_value(b"$phpserial$b:1;") is True
    assert decode_value(b'$json${"EDITORS":true,"12":["a"]}') == {b"EDITORS": True, 12: {0: b"a"}}
    assert decode_value(b"a:0:{}") == b"a:0:{}"
    assert decode_value(b"a:0:{}", bare=True) == {}
    assert decode_value(b"a plain text", bare=True) == b"a plain text"
    with pytest.raises(PhpValueError):
        decode_value(b"$json$" + b"[" * 100_000)


def test_text_of_scalars():
    assert text("é".encode()) == "é"
    assert text(b"\xa4", "iso-8859-15") == "€"
    assert text(b"caf\xe9") == "café"
    assert text(b"\x81") == "\x81"
    assert [text(v) for v in (True, False, 12, 2.0, None, {})] == ["1", "", "12", "2", None, None]
    assert os.fsencode(path_text(b"/caf\xe9")) == b"/caf\xe9"


def test_booleans_in_all_their_forms():
    assert [truth(v) for v in (True, 1, b"true", b"1", "TRUE")] == [True] * 5
    assert [truth(v) for v in (False, 0, b"false", b"0", b"")] == [False] * 5
    assert truth(None) is None
    assert truth(b"perhaps") is None


numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | st.binary(max_size=30)
keys = st.integers(-(2**31), 2**31) | st.binary(max_size=8).filter(lambda k: not k.lstrip(b"-").isdigit())
values = st.recursive(scalars, lambda inner: st.dictionaries(keys, inner, max_size=5), max_leaves=20)


@settings(max_examples=EXAMPLES, deadline=None)
@given(values)
def test_same_as_an_independent_library_on_what_it_knows(value):
    data = phpserialize.dumps(value)
    assert loads(data) == value
    assert loads(data) == phpserialize.loads(data)


tokens = st.sampled_from(
    [b"N;", b"b:1;", b"i:0;", b"i:1;", b"a:1:{", b"a:2:{", b'O:1:"A":1:{', b'C:1:"M":6:{', b"}", b's:1:"k";', b"r:1;", b"R:2;", b"d:1;"]
)


@settings(max_examples=EXAMPLES * 2, deadline=None)
@given(st.binary(max_size=200) | st.lists(tokens, max_size=60).map(b"".join))
def test_any_bytes_give_a_value_or_one_kind_of_error(data):
    for read in (loads, loads_repaired, decode_value, lambda d: list(read_items(d))):
        try:
            read(data)
        except PhpValueError as error:
            assert 0 <= error.offset <= len(data)


@settings(max_examples=EXAMPLES, deadline=None)
@given(values, st.data())
def test_a_flipped_byte_never_crashes(value, data):
    good = bytearray(phpserialize.dumps(value))
    good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        loads(bytes(good))
    except PhpValueError:
        pass
