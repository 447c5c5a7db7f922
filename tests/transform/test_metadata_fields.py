"""Fields of the old workspaces become fields of Cells, and each value is in the type of its field or left out with a reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate import note_codes
from migrate.cells.models.notes import Field
from migrate.extract.records import MetaField, Workspace, WorkspaceId
from migrate.transform.fields import Fields, Variant, folded
from migrate.transform.mapping import FieldLine
from migrate.transform.values import convert


def workspace(name: str, *fields: MetaField, child: bool = False) -> Workspace:
    return Workspace(WorkspaceId(name), name, name, "fs", meta_fields=fields, shared_child=child)


def names(fields: Fields) -> dict[str, str]:
    return {v.key: v.namespace for v in fields.all if v.skip is None}


STATUS = MetaField("status", "choice", "Status", {"draft": "Draft", "final": "Final"}, True, ("final", "draft"))


def test_one_field_for_one_definition_over_all_workspaces():
    fields = Fields([workspace("a", STATUS), workspace("b", STATUS), workspace("c", STATUS, child=True)], {}, {})
    assert names(fields) == {"status": "usermeta-status"}
    assert [a.namespace for a, _ in fields.actions] == ["usermeta-status"]


def test_choices_that_do_not_contradict_are_united_in_their_order():
    more = MetaField("status", "choice", "Status", {"draft": "Draft", "old": "Old"})
    (action, _), = Fields([workspace("a", STATUS), workspace("b", more)], {}, {}).actions
    assert [item["key"] for item in json.loads(action.definition)["data"]["items"]] == ["final", "draft", "old"]


def test_text_and_long_text_of_one_id_are_one_field():
    (action, _), = Fields([workspace("a", MetaField("n", "string")), workspace("b", MetaField("n", "textarea"))], {}, {}).actions
    assert json.loads(action.definition)["type"] == "textarea"


def test_the_same_id_with_another_type_becomes_a_field_of_its_own_and_is_told():
    fields = Fields([workspace("a", STATUS), workspace("b", STATUS), workspace("c", MetaField("status", "tags"))], {}, {})
    assert names(fields) == {"status": "usermeta-status", "status:tags": "usermeta-status-tags"}
    assert fields.of("c", "status")[0].type == "tags" and fields.of("a", "status")[0].type == "choice"
    assert note_codes.CLASH.code in {f.code for f in fields.findings}


def test_a_value_key_with_dashes_finds_its_definition_with_underscores():
    fields = Fields([workspace("a", MetaField("doc_status", "string"))], {}, {})
    assert fields.of("a", "doc-status")[0].namespace == "usermeta-doc_status"


def test_tags_that_the_old_server_offered_are_those_of_its_tag_fields():
    items = (MetaField("t", "tags"), MetaField("s", "string"))
    fields = Fields([Workspace(WorkspaceId("w"), "W", "w", "fs", meta_fields=items, known_tags=("new", "old"))], {}, {})
    assert list(fields.known_tags) == [("usermeta-t", "new"), ("usermeta-t", "old")]


def test_hidden_fields_stay_hidden_and_those_of_the_application_are_not_for_people():
    (action, _), = Fields([workspace("a", MetaField("made_by", "creator", "By", None, False))], {}, {}).actions
    assert json.loads(action.definition) == {"type": "string", "hide": True} and not action.editable


def test_a_field_that_cells_has_is_used_when_it_goes_together_and_never_changed():
    live = {"usermeta-tags": Field("usermeta-tags", "Tags", '{"type":"tags"}')}
    (action, already), = Fields([workspace("a", MetaField("tags", "tags", "Etiketten"))], {}, live).actions
    assert already and action.namespace == "usermeta-tags"


def test_another_field_of_the_same_name_in_cells_is_left_alone():
    live = {"usermeta-status": Field("usermeta-status", "S", '{"type":"stars_rate"}')}
    fields = Fields([workspace("a", STATUS)], {}, live)
    assert names(fields) == {"status": "usermeta-status-choice"}
    assert note_codes.FIELD_THERE.code in {f.code for f in fields.findings}


def test_missing_choices_are_added_to_a_field_of_cells_only_when_the_file_says_so():
    there = Field("usermeta-status", "S", json.dumps({"type": "choice", "data": {"items": [{"key": "draft", "value": "Draft"}, {"key": "x", "value": "X"}]}}))
    kept = Fields([workspace("a", STATUS)], {}, {there.namespace: there})
    assert [already for _, already in kept.actions] == [True] and note_codes.CHOICES_MISSING.code in {f.code for f in kept.findings}
    (action, already), = Fields([workspace("a", STATUS)], {"status": FieldLine("status", "update")}, {there.namespace: there}).actions
    assert not already and action.before == there.definition
    assert {i["key"] for i in json.loads(action.definition)["data"]["items"]} == {"draft", "x", "final"}
    assert action.reverse().definition == there.definition


def test_a_field_made_by_an_earlier_run_follows_the_old_definition():
    before = Variant("status", "status", "choice", "Status", {"draft": "Draft"}, True)
    live = {"usermeta-status": Field("usermeta-status", "Status", before.definition)}
    (action, already), = Fields([workspace("a", STATUS)], {}, live, former={"usermeta-status": before.definition}).actions
    assert not already and action.before


def test_the_mapping_file_renames_retypes_and_leaves_out():
    lines = {"status": FieldLine("status", "keep", "state", "State", "string"), "n": FieldLine("n", "skip")}
    fields = Fields([workspace("a", STATUS, MetaField("n"))], lines, {})
    assert names(fields) == {"status": "usermeta-state"}
    assert fields.of("a", "n")[0].skip is note_codes.FIELD_SKIPPED


def test_a_field_that_nobody_defines_is_left_out_until_the_file_says_keep():
    assert names(Fields([], {}, {}, undefined=["ghost"])) == {}
    assert names(Fields([], {"ghost": FieldLine("ghost")}, {}, undefined=["ghost"])) == {"ghost": "usermeta-ghost"}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=12), st.sampled_from(["string", "tags", "choice", "stars_rate", "nonsense"])), max_size=8))
def test_any_names_give_distinct_sendable_namespaces(items):
    old = [workspace(str(n), MetaField(name, kind, name, {"a": str(n)} if kind == "choice" else None)) for n, (name, kind) in enumerate(items)]
    fields = Fields(old, {}, {})
    spaces = [v.namespace for v in fields.all]
    assert len(spaces) == len(set(spaces))
    assert all(s.startswith("usermeta-") and len(s) <= 255 and s.isascii() for s in spaces)
    for n, (name, _) in enumerate(items):
        assert fields.of(str(n), name) is not None and folded(name)


def field(kind: str, choices: dict[str, str] | None = None) -> Variant:
    return Variant("f", "f", kind, "F", choices or {})


@pytest.mark.parametrize(("kind", "raw", "text"), [
    ("string", "é & <", '"é & <"'), ("string", 7, '"7"'), ("stars_rate", "4", "4"), ("stars_rate", "0", "0"), ("integer", "-12", "-12"),
    ("boolean", "true", "true"), ("boolean", "0", "false"), ("date", "1668700000", "1668700000"), ("date", "2018-03-01", "1519862400"),
    ("tags", "a, b ,a,,été", '"a,b,été"'), ("choice", "k", '"k"'), ("choice", "Key", '"k"'), ("choice", "other", '"other"'),
    ("date", "01/03/2018", "1519862400"), ("date", "1.3.2018", "1519862400"), ("date", "20180301", "1519862400"), ("date", "2018-03-01 00:01", "1519862460"),
    ("date", "2018-03-01T00:00:00+01:00", "1519858800"), ("date", "2018-03-01T00:00:00Z", "1519862400"), ("date", "1668700000123", "1668700000"),
    ("boolean", True, "true"), ("boolean", "Off", "false"),
    ("textarea", "1\r\n2\r3", '"1\\n2\\n3"'), ("css_label", "todo", '"todo"'),
])
def test_values_are_typed_json(kind: str, raw: object, text: str):
    assert convert(field(kind, {"k": "Key"}), kind, raw, lambda _: None).text == text


@pytest.mark.parametrize(("kind", "raw", "why"), [
    ("stars_rate", "6", note_codes.WRONG_TYPE), ("stars_rate", "many", note_codes.WRONG_TYPE), ("integer", "1.5", note_codes.WRONG_TYPE),
    ("date", "soon", note_codes.WRONG_TYPE), ("date", "2018-13-45", note_codes.WRONG_TYPE),
    ("boolean", "perhaps", note_codes.WRONG_TYPE), ("string", {"a": 1}, note_codes.WRONG_TYPE), ("string", ["a"], note_codes.WRONG_TYPE),
    ("string", "", note_codes.EMPTY), ("tags", " , ,", note_codes.EMPTY), ("string", None, note_codes.EMPTY),
    ("textarea", "x" * 65_534, note_codes.TOO_LONG), ("textarea", "é" * 32_767, note_codes.TOO_LONG),
])
def test_what_cannot_be_a_value_of_the_field_has_a_reason(kind: str, raw: object, why: object):
    result = convert(field(kind), kind, raw, lambda _: None)
    assert result.text is None and result.skip is why


def test_the_longest_value_that_cells_stores_is_carried():
    assert convert(field("textarea"), "textarea", "x" * 65_533, lambda _: None).text is not None


def test_control_characters_markup_and_unknown_choices_are_told():
    assert note_codes.CONTROLS in convert(field("string"), "string", "a\x00b\x1b", lambda _: None).notes
    assert note_codes.MARKUP in convert(field("string"), "string", "<script>x</script>", lambda _: None).notes
    assert note_codes.CHOICE_UNKNOWN in convert(field("choice", {"k": "K"}), "choice", "z", lambda _: None).notes
    assert note_codes.CHOICE_UNKNOWN in convert(field("css_label"), "css_label", "purple", lambda _: None).notes


def test_creator_and_updater_follow_renamed_logins():
    assert convert(field("string"), "creator", "a/b", {"a/b": "a=2Fb"}.get).text == '"a=2Fb"'
    assert convert(field("string"), "creator", "gone", {}.get).text == '"gone"'


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["string", "textarea", "tags", "choice", "stars_rate", "date", "boolean", "integer"]),
       st.one_of(st.text(max_size=50), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.text(max_size=3), max_size=2)))
def test_any_value_is_json_or_has_a_reason(kind: str, raw: object):
    result = convert(field(kind), kind, raw, lambda _: None)
    assert (result.text is None) == (result.skip is not None)
    if result.text is not None:
        json.loads(result.text)
        result.text.encode()
