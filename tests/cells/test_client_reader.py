"""Which server it is: from version, package and interface description, never from error texts."""

from __future__ import annotations

import json

import pytest
from stub_server import Stub, answer

from migrate.cells.api import acls, discovery, users
from migrate.cells.auth import GivenToken
from migrate.cells.errors import NoAnswer, NotACells, TokenMissing, TokenRefused, WrongAnswer
from migrate.cells.models import Acl, User
from migrate.cells.reader import facts_of, read_facts, whoami
from migrate.cells.sandbox import LOST, Sandbox
from migrate.cells.session import Session
from migrate.cells.shapes import data_source_of, group_of, node_of, role_of, user_of, workspace_of

TOKEN = "a" * 43 + "." + "b" * 43
V2 = {"paths": {"/n/nodes": {}, "/user": {}}, "definitions": {"restCell": {"properties": {"AccessEnd": {}}}}}
OLD = {"paths": {"/user": {}}, "definitions": {"restCell": {"properties": {"Label": {}}}}}


@pytest.mark.parametrize(("version", "description", "major", "codes"), [
    ("4.0.0", OLD, 4, []), ("4.1.2", OLD, 4, []), ("3.0.9", OLD, 3, []), ("4.4.9", OLD, 4, ["F4012"]), ("2.3.6", OLD, 2, ["F4012"]),
    ("5.0.1", V2, 5, ["F4012"]),
    ("v5.0.0-rc1", V2, 5, ["F4012"]), ("4.9.9", V2, 5, ["F4012"]), ("6.0.0", V2, 5, ["F4010"]), ("0.1.0-dev", OLD, 4, ["F4011"]), ("nightly", {}, 4, ["F4011"]),
    ("nightly", V2, 5, ["F4012"])])
def test_the_major_version(version, description, major, codes):
    facts, findings = facts_of("http://x", version, "PydioHome", description)
    assert facts.major == major
    assert [f.code for f in findings] == codes


def test_features_of_each_version():
    def features(version, description, package="PydioHome"):
        return facts_of("http://x", version, package, description)[0].features

    assert features("4.0.0", OLD).role_order and features("4.0.0", OLD).content_hash
    assert not features("3.0.9", OLD).content_hash and not features("3.0.9", OLD).wide_characters and not features("3.0.9", OLD).rpc_three_parts
    assert not features("5.0.0", V2).role_order and features("5.0.0", V2).rest_v2 and features("5.0.0", V2).cell_expiry
    assert not features("4.0.0", OLD).cell_expiry
    assert features("4.0.0", OLD, "PydioEnterprise").enterprise
    unclear = features("nightly", OLD)
    assert not any((unclear.role_order, unclear.content_hash, unclear.wide_characters, unclear.policy_closes))


@pytest.mark.parametrize("description", [None, [], "x", {"paths": 1}, {"paths": {}, "definitions": {"restCell": 3}}])
def test_a_strange_description_is_no_crash(description):
    assert facts_of("http://x", "4.0.0", "", description)[0].edition == "Home"


def session_on(stub, **options):
    return Session(stub.url, GivenToken(TOKEN), sleep=lambda _s: None, **{"patience": 0.1, **options})


@pytest.mark.parametrize("given", [
    answer(body="<html>It works!</html>", kind="text/html"), answer(404, "not found", kind="text/plain"), answer(body='{"hello": 1}'),
    answer(301, "", kind=None, Location="https://files.example.org/"), answer(200, b"", kind=None), answer(403, '{"Title": "no"}')])
def test_what_is_no_cells_is_told_before_any_token_is_sent(given):
    with Stub([given]) as stub:
        with pytest.raises(NotACells):
            read_facts(session_on(stub))
        assert all(TOKEN.encode() not in raw for raw in stub.requests)


def test_a_token_that_counts_as_none_is_told():
    found = answer(body='{"Endpoints": {"rest": "x"}}')
    with Stub([found, found]) as stub, pytest.raises(TokenMissing):
        read_facts(session_on(stub))


def test_a_bad_token_is_told():
    with Stub([answer(body='{"Endpoints": {}}'), answer(401, "Unauthorized.\n", kind="text/plain")]) as stub, pytest.raises(TokenRefused):
        read_facts(session_on(stub))


def test_a_server_without_description_is_used_by_its_version():
    found = answer(body='{"Endpoints": {}, "Version": "4.1.0", "PackageType": "PydioHome"}')
    with Stub([found, found, answer(body="<html/>", kind="text/html")]) as stub:
        assert read_facts(session_on(stub))[0].major == 4


@pytest.mark.parametrize("text", ["", "<broken", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'])
def test_a_state_that_cannot_be_read_is_told(text):
    with Stub([answer(body=text, kind="application/xml")]) as stub, pytest.raises(WrongAnswer):
        discovery.state(session_on(stub))


def test_a_token_for_single_documents_is_told():
    with Sandbox() as server:
        server.faults.add(404, "GET", "/a/tree/stat/.*", times=-1)
        session = Session(server.url, GivenToken(server.token))
        loader, findings = whoami(session)
        assert loader.login == "admin"
        assert [f.code for f in findings] == ["F4013"]


def test_a_token_that_is_listed_no_workspace_though_its_roles_open_some_is_told():
    """As a real 4.1 lists them for a token with a scope."""
    with Sandbox() as server:
        page = '<pydio_registry><user id="admin"><repositories><repo id="settings" repositorySlug="settings" acl="rw"/></repositories></user></pydio_registry>'
        session = Session(server.url, GivenToken(server.token))
        session.xml = lambda path, params=None: page
        assert [f.code for f in whoami(session)[1]] == ["F4013"]


def test_a_page_that_comes_again_and_again_ends():
    page = answer(body=json.dumps({"Users": [{"Uuid": "u1", "Login": "a"}, {"Uuid": "u2", "Login": "b"}], "Total": 99}))
    with Stub([page]) as stub, pytest.raises(WrongAnswer):
        list(users.search_users(session_on(stub), page=2))


def test_a_lost_answer_leaves_the_account_to_be_found():
    with Sandbox() as server:
        server.faults.add(LOST, "PUT", "/a/user/.*")
        session = Session(server.url, GivenToken(server.token))
        user = User("chosen", "jane", attributes={"profile": "standard"})
        with pytest.raises(NoAnswer):
            users.create_user(session, user, "a long random password")
        assert users.get_user(session, "jane").uuid == "chosen"


def test_a_rule_whose_answer_was_lost_is_found_and_not_doubled():
    with Sandbox() as server:
        server.faults.add(LOST, "PUT", "/a/acl")
        session = Session(server.url, GivenToken(server.token))
        rule = Acl("node", "ADMINS", "ws", "read")
        assert acls.add_acls(session, [rule], []) == 1
        assert acls.search_acls(session, nodes=["node"]) == [rule]


def test_absent_fields_are_zero_values():
    assert user_of({}).profile == "shared"
    assert user_of({"GroupPath": "/staff/it/", "Login": "x", "Roles": None, "Attributes": None}).group_path == "/staff/it"
    assert group_of({"GroupPath": "/staff/", "GroupLabel": "it"}).path == "/staff/it"
    assert group_of({"GroupPath": "/", "GroupLabel": "it"}).path == "/it"
    assert role_of({"Uuid": "r", "AutoApplies": [""]}).auto_applies == ()
    assert workspace_of({"Attributes": "no json", "RootNodes": {"u": {}}}).default_rights == ""
    assert data_source_of({"Name": "n"}).flat is False
    node = node_of({"Type": "LEAF", "Size": "12", "MTime": "x", "MetaStore": {"x-cells-hash": '"abc"'}})
    assert (node.is_file, node.size, node.mtime, node.content_hash) == (True, 12, 0, "abc")


def test_a_hash_of_an_unknown_method_is_not_taken():
    assert node_of({"Type": "LEAF", "HashingMethod": "v9", "MetaStore": {"x-cells-hash": '"abc"'}}).content_hash is None
    assert node_of({"Type": "LEAF", "HashingMethod": "v4", "MetaStore": {"x-cells-hash": '"abc"'}}).content_hash == "abc"
