"""Signing in by authorization code, without a browser: `/oidc`."""

from __future__ import annotations

import base64
import hashlib
import secrets
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

from migrate.cells.sandbox.answers import Answer, reply, web_client
from migrate.cells.sandbox.router import Call
from migrate.cells.sandbox.session import open_session
from migrate.cells.sandbox.state import Person, State

SCOPES = ("openid", "email", "profile", "pydio", "offline")
CLIENTS = ("cells-client", "cells-sync", "cells-mobile", "cells-frontend")


def handle(call: Call) -> Answer:
    """Every path below `/oidc` and `/oauth2`; another Host header than the site's gets an empty answer."""
    path = call.path
    if call.headers.get("host") != call.sandbox.url.partition("://")[2]:
        return Answer(200)
    if path == "/oidc/.well-known/openid-configuration":
        return _discovery(call)
    if path == "/oidc/oauth2/auth" and call.method == "GET":
        return _authorize(call)
    if path == "/oidc/oauth2/token" and call.method == "POST":
        return _token(call, dict(parse_qsl(call.raw.decode("utf-8", "replace"))))
    if path == "/oidc/oauth2/revoke" and call.method == "POST":
        return _revoke(call.state, dict(parse_qsl(call.raw.decode("utf-8", "replace"))))
    return web_client()


def _discovery(call: Call) -> Answer:
    site = call.sandbox.seen_url(call.headers)
    return reply({
        "issuer": site + "/oidc/", "authorization_endpoint": site + "/oidc/oauth2/auth", "token_endpoint": site + "/oidc/oauth2/token",
        "jwks_uri": site + "/oidc/.well-known/jwks.json", "subject_types_supported": ["public"],
        "response_types_supported": ["code", "code id_token", "id_token", "token id_token", "token", "token id_token code"],
        "claims_supported": ["sub"], "grant_types_supported": ["authorization_code", "implicit", "client_credentials", "refresh_token"],
        "response_modes_supported": ["query", "fragment"], "userinfo_endpoint": site + "/oidc/userinfo",
        "scopes_supported": ["offline_access", "offline", "openid"], "revocation_endpoint": site + "/oidc/oauth2/revoke",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt", "none"],
        "userinfo_signing_alg_values_supported": ["none", "RS256"], "id_token_signing_alg_values_supported": ["RS256"],
        "request_parameter_supported": True, "request_uri_parameter_supported": True, "require_request_uri_registration": True,
        "claims_parameter_supported": False, "backchannel_logout_supported": True, "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True, "frontchannel_logout_session_supported": True,
        "end_session_endpoint": site + "/oidc/oauth2/sessions/logout", "request_object_signing_alg_values_supported": ["RS256", "none"],
        "code_challenge_methods_supported": ["plain", "S256"]})


def _authorize(call: Call) -> Answer:
    site, query = call.sandbox.seen_url(call.headers), call.query
    redirect = query.get("redirect_uri", "")
    allowed = redirect in ("http://localhost:3000/servers/callback", site + "/oauth2/oob") or redirect.startswith("http://localhost:36")
    if query.get("client_id") not in CLIENTS or not allowed:
        error = "invalid_request" if query.get("client_id") in CLIENTS else "invalid_client"
        return _redirect(302, site + "/oauth2/fallbacks/error?" + urlencode({"error": error}))
    status = 302 if call.state.profile == "3.0.9" else 303
    for problem, bad in (("invalid_state", len(query.get("state", "")) < 8),
                         ("unsupported_response_type", query.get("response_type") != "code"),
                         ("invalid_scope", any(s not in SCOPES for s in query.get("scope", "").split()))):
        if bad:
            return _redirect(status, redirect + "?" + urlencode({"error": problem, "state": query.get("state", "")}))
    challenge = secrets.token_hex(16)
    call.state.challenges[challenge] = {**query}
    return _redirect(302, f"{site}/oauth2/login?login_challenge={challenge}")


def _redirect(status: int, location: str) -> Answer:
    if status == 303:
        return Answer(303, headers={"Location": location})
    return Answer(status, f'<a href="{escape(location, quote=False)}">Found</a>.\n\n'.encode(), "text/html; charset=utf-8", {"Location": location})


def grant_code(state: State, challenge: str, person: Person) -> str:
    """Use up a challenge: the redirect with its code."""
    asked = state.challenges.pop(challenge)
    code = secrets.token_urlsafe(32) + "." + secrets.token_urlsafe(32)
    state.codes[code] = {"asked": asked, "user": person.uuid, "used": "", "expires": state.clock() + 600}
    return asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked.get("state", "")})


def _problem(status: int, error: str, description: str) -> Answer:
    return reply({"error": error, "error_description": description}, status)


def _token(call: Call, form: dict[str, str]) -> Answer:
    state = call.state
    if form.get("client_id") not in CLIENTS:
        return _problem(400 if form.get("grant_type") else 400, "invalid_client" if form.get("client_id") else "invalid_request",
                        "Client authentication failed")
    if form.get("grant_type") == "authorization_code":
        return _by_code(state, form)
    if form.get("grant_type") == "refresh_token":
        return _by_refresh(state, form)
    return _problem(400, "invalid_grant" if form.get("grant_type") == "client_credentials" else "invalid_request", "The request is not valid")


def _by_code(state: State, form: dict[str, str]) -> Answer:
    granted = state.codes.get(form.get("code", ""))
    if granted is None:
        return _problem(400, "invalid_grant", "The provided authorization grant is invalid")
    if granted["used"]:
        _drop_chain(state, granted["used"])
        return _problem(400, "invalid_grant", "The authorization code has already been used.")
    asked = granted["asked"]
    if form.get("redirect_uri") != asked["redirect_uri"] or form["client_id"] != asked["client_id"]:
        return _problem(400, "invalid_grant", "The redirect or client does not match")
    challenge, verifier = asked.get("code_challenge", ""), form.get("code_verifier", "")
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    if (challenge and made != challenge) or (verifier and not challenge):
        return _problem(400, "invalid_grant", "The PKCE code challenge did not match the code verifier.")
    granted["used"] = secrets.token_hex(8)
    return _tokens(state, granted["user"], granted["used"], asked.get("scope", ""))


def _by_refresh(state: State, form: dict[str, str]) -> Answer:
    known = state.refresh_tokens.get(form.get("refresh_token", ""))
    if known is None:
        return _problem(400, "invalid_grant", "The refresh token is malformed or not valid")
    if known["used"] or known.get("dropped"):
        if state.profile == "3.0.9":
            return _problem(400, "invalid_request", "The refresh token has been used")
        _drop_chain(state, known["chain"])
        return _problem(401, "token_inactive", "Token is inactive because it is malformed, expired or otherwise invalid.")
    known["used"] = True
    for token in [t for t in state.tokens.values() if t.chain == known["chain"]]:
        del state.tokens[token.value]
    return _tokens(state, known["user"], known["chain"], known["scope"])


def _tokens(state: State, user: str, chain: str, scope: str) -> Answer:
    person = state.people.by_uuid.get(user)
    if person is None:
        return _problem(400, "invalid_grant", "unknown user")
    access, identity = open_session(state, person, "oauth", 600, chain)
    refresh = state.new_token()
    state.refresh_tokens[refresh] = {"user": user, "chain": chain, "scope": scope, "used": False}
    return reply({"access_token": access.value, "expires_in": 600, "id_token": identity.value, "refresh_token": refresh, "scope": scope,
                  "token_type": "bearer"})


def _drop_chain(state: State, chain: str) -> None:
    for token in [t for t in state.tokens.values() if t.chain == chain]:
        del state.tokens[token.value]
    for known in state.refresh_tokens.values():
        if known["chain"] == chain:
            known["dropped"] = True


def _revoke(state: State, form: dict[str, Any]) -> Answer:
    value = form.get("token", "")
    token = state.tokens.get(value)
    known = state.refresh_tokens.get(value)
    chain = token.chain if token else known["chain"] if known else ""
    if chain:
        _drop_chain(state, chain)
    return Answer(200)
