"""What server is this, and what may I see? Discovery, boot configuration, the registry XML, settings."""

from __future__ import annotations

import hashlib
import json
from html import escape
from typing import Any

from migrate.cells.sandbox.access import compile_access, listed
from migrate.cells.sandbox.answers import Answer, Failure, Panic, reply, text
from migrate.cells.sandbox.messages import CONFIGURATION
from migrate.cells.sandbox.router import Call, Route

VERSIONS = {"4.1": "4.0.0", "3.0.9": "3.0.9", "5": "5.0.0"}
_ALLOWED = ("frontend/plugin", "services/pydio.grpc.update", "services/pydio.grpc.mailer", "services/pydio.rest.share")


def discovery(call: Call) -> Answer:
    """`GET /a/config/discovery`: version only with a valid token."""
    url = call.sandbox.seen_url(call.headers)
    host = url.partition("://")[2]
    known: dict[str, Any] = {}
    if call.caller is not None:
        known = {"PackageType": "PydioHome", "PackageLabel": "Pydio Cells Home Edition", "Version": VERSIONS[call.state.profile],
                 "BuildStamp": call.state.now()}
    return reply({**known, "Endpoints": {
        "chats": f"ws://{host}/ws/chat", "forms": url + "/a/config/discovery/forms/{serviceName}", "frontend": url, "grpc": "127.0.0.1:0",
        "oidc": url + "/auth", "openapi": url + "/a/config/discovery/openapi", "rest": url + "/a", "s3": url + "/io",
        "websocket": f"ws://{host}/ws/event"}})


def openapi(call: Call) -> Answer:
    """`GET /a/config/discovery/openapi`: the paths served here; version 5 has `/n/nodes`."""
    paths: dict[str, Any] = {}
    for _, route in call.sandbox.router.routes:
        paths.setdefault(route.path.replace("*}", "}"), {})[route.method.lower()] = {"responses": {"200": {"description": ""}}}
    definitions: dict[str, Any] = {"restCell": {"type": "object", "properties": {"Uuid": {"type": "string"}, "Label": {"type": "string"}}}}
    if call.state.profile == "5":
        paths["/n/nodes"] = {"post": {"responses": {"200": {"description": ""}}}}
        definitions["restCell"]["properties"]["AccessEnd"] = {"type": "string", "format": "int64"}
    return reply({"swagger": "2.0", "info": {"title": "Pydio Cells API", "version": "2.0"}, "paths": paths, "definitions": definitions})


def bootconf(call: Call) -> Answer:
    """`GET /a/frontend/bootconf`: the version is an MD5 for strangers."""
    version = VERSIONS[call.state.profile]
    if call.caller is None:
        version = hashlib.md5(version.encode()).hexdigest()
    return reply({
        "ajxpResourcesFolder": "plug/gui.ajax/res", "ENDPOINT_REST_API": "/a", "ENDPOINT_S3_GATEWAY": "/io",
        "ENDPOINT_WEBSOCKET": "/ws/event", "PUBLIC_BASEURI": "/public", "zipEnabled": True, "multipleFilesDownloadEnabled": True,
        "customWording": {"title": "Pydio Cells", "icon": "plug/gui.ajax/res/themes/common/images/LoginBoxLogo.png", "iconBinary": "",
                          "loginTitle": "", "loginLegend": ""},
        "usersEnabled": True, "loggedUser": False, "currentLanguage": "en-us", "session_timeout": 3600, "client_timeout": 1440,
        "client_timeout_warning": 3, "availableLanguages": {"en-us": "English"}, "usersEditable": True, "ajxpVersion": version,
        "ajxpVersionDate": "", "i18nMessages": {}, "theme": "material", "ajxpImagesCommon": True, "validMailer": False,
        "backend": {"BuildRevision": "", "BuildStamp": "", "License": "agplv3", "PackageLabel": "Pydio Cells Home Edition",
                    "PackageType": "PydioHome", "Version": version, "ServerOffset": 0, "PackagingInfo": None}})


def registry(call: Call) -> Answer:
    """`GET /a/frontend/state`: the registry of the caller; without user and workspaces for strangers and bad tokens."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', " <pydio_registry>"]
    if call.caller is not None:
        state = call.state
        lines.append(f'  <user id="{escape(call.caller.name)}">')
        lines.append("   <repositories>")
        if call.caller.profile not in ("shared", "anon"):
            lines.append('    <repo access_type="homepage" acl="rw" id="homepage" repositorySlug="welcome"><label>Home</label></repo>')
        if call.caller.profile == "admin":
            lines.append('    <repo access_type="settings" acl="rw" id="settings" repositorySlug="settings"><label>Settings</label></repo>')
        for workspace, letters in listed(state, compile_access(state, call.caller)):
            kind = "workspace" if workspace.scope in ("ADMIN", "ANY") else "cell"   # links too are shown as cells
            shared = ' owner="shared"' if kind == "cell" else ""
            copies = ' allowCrossRepositoryCopy="true"' if "w" in letters else ""
            lines.append(f'    <repo access_type="gateway" acl="{letters}"{copies} id="{escape(workspace.uuid)}"{shared} '
                         f'repositorySlug="{escape(workspace.slug)}" repository_type="{kind}">')
            lines.append(f"     <label>{escape(workspace.label)}</label>")
            lines.append("    </repo>")
        lines += ["   </repositories>", "  </user>"]
    lines.append(" </pydio_registry>")
    return text(200, "\n".join(lines), "application/xml; charset=utf-8")


# Settings

def _allowed(call: Call) -> str:
    path = call.params["FullPath"]
    if not any(path == p or path.startswith(p + "/") for p in _ALLOWED):
        verb = "read" if call.method == "GET" else "edit"
        raise Failure(403, f"you are not allowed to {verb} that configuration" + (" via the REST API" if verb == "read" else ""))
    return path


def read_configuration(call: Call) -> Answer:
    """`GET /a/config/{FullPath}`: never-set keys come without `Data`."""
    path = _allowed(call)
    data = call.state.configuration.get(path)
    if data is None:
        return reply({"FullPath": path})
    return reply({"FullPath": path, "Data": json.dumps(data, ensure_ascii=False, indent=2)})


def _refusal(what: str, byte: int, data: str) -> str:
    return f"{what}, error found in #{byte} byte of ...|{data}|..., bigger context ...|{data}|..."


def put_configuration(call: Call) -> Answer:
    """`PUT /a/config/{FullPath}`: an object text that replaces the whole subtree."""
    path = _allowed(call)
    data = call.body.get("Data", "")
    try:
        value = json.loads(data)
    except ValueError:
        raise Failure(500, _refusal("skipThreeBytes: expect ull", 2, data) if data else _refusal("ReadMapCB: expect { or n, but found \x00", 0, data)) from None
    if not isinstance(value, dict):
        raise Failure(500, _refusal("ReadMapCB: expect { or n, but found " + data.lstrip()[:1], 1, data))
    if "PYDIO_PLUGIN_ENABLED" in value and not isinstance(value["PYDIO_PLUGIN_ENABLED"], bool):
        raise Panic("PYDIO_PLUGIN_ENABLED is not a boolean")
    call.state.configuration[path] = value
    return reply({"FullPath": path, "Data": json.dumps(value, ensure_ascii=False, indent=2)})


def services(call: Call) -> Answer:
    """`GET /a/config/ctl`."""
    return reply({"Services": [{"Name": "pydio.rest.user", "Status": "STARTED"}]})


def versioning(call: Call) -> Answer:
    """`GET /a/config/versioning`."""
    return reply({"Policies": [{"Uuid": "default-policy", "Name": "Default"}]})


ROUTES = [
    Route("GET", "/config/discovery", discovery),
    Route("GET", "/config/discovery/openapi", openapi),
    Route("GET", "/frontend/bootconf", bootconf),
    Route("GET", "/frontend/state", registry),
    Route("GET", "/config/ctl", services),
    Route("GET", "/config/versioning", versioning),
    Route("GET", "/config/{FullPath*}", read_configuration),
    Route("PUT", "/config/{FullPath*}", put_configuration, CONFIGURATION),
]
