"""Which fields each request message has (4.1). A field that is not here is refused, as by the server."""

from __future__ import annotations

from migrate.cells.sandbox.proto import Enum, Map

OPERATION = Enum(("OR", "AND"))
POLICY = {
    "id": "int64", "Resource": "string", "Action": Enum(("ANY", "OWNER", "READ", "WRITE", "EDIT_RULES")), "Subject": "string",
    "Effect": Enum(("deny", "allow")), "JsonConditions": "string",
}
POLICY_QUERY = {"Type": Enum(("CONTEXT", "ANY", "NONE", "USER")), "UserId": "string"}
ROLE = {
    "Uuid": "string", "Label": "string", "IsTeam": "bool", "GroupRole": "bool", "UserRole": "bool", "LastUpdated": "int32",
    "AutoApplies": ["string"], "Policies": [POLICY], "PoliciesContextEditable": "bool", "ForceOverride": "bool",
}
USER = {
    "Uuid": "string", "GroupPath": "string", "Attributes": Map("string"), "Roles": [ROLE], "Login": "string", "Password": "string",
    "OldPassword": "string", "IsGroup": "bool", "GroupLabel": "string", "LastConnected": "int32", "Policies": [POLICY],
    "PoliciesContextEditable": "bool",
}
USER_QUERY = {
    "Uuid": "string", "Login": "string", "Password": "string", "GroupPath": "string", "Recursive": "bool", "FullPath": "string",
    "AttributeName": "string", "AttributeValue": "string", "AttributeAnyValue": "bool", "HasRole": "string",
    "NodeType": Enum(("UNKNOWN", "USER", "GROUP")), "HasProfile": "string", "ConnectedSince": "string", "not": "bool",
}
_SEARCH = {"ResourcePolicyQuery": POLICY_QUERY, "Offset": "int64", "Limit": "int64", "GroupBy": "int32", "CountOnly": "bool",
           "Operation": OPERATION}
SEARCH_USERS = {**_SEARCH, "Queries": [USER_QUERY]}
ROLE_QUERY = {"Uuid": ["string"], "Label": "string", "IsTeam": "bool", "IsGroupRole": "bool", "IsUserRole": "bool",
              "HasAutoApply": "bool", "not": "bool"}
SEARCH_ROLES = {**_SEARCH, "Queries": [ROLE_QUERY]}
ACTION = {"Name": "string", "Value": "string"}
ACL = {"ID": "string", "Action": ACTION, "RoleID": "string", "WorkspaceID": "string", "NodeID": "string"}
ACL_QUERY = {"Actions": [ACTION], "RoleIDs": ["string"], "WorkspaceIDs": ["string"], "NodeIDs": ["string"], "not": "bool"}
SEARCH_ACLS = {"Queries": [ACL_QUERY], "Offset": "int64", "Limit": "int64", "GroupBy": "int32", "CountOnly": "bool",
               "Operation": OPERATION}
NODE_TYPE = Enum(("UNKNOWN", "LEAF", "COLLECTION"))
_WS_RELATIVE = {"WsUuid": "string", "WsLabel": "string", "Path": "string", "WsSlug": "string", "WsScope": "string"}
NODE = {
    "Uuid": "string", "Path": "string", "Type": NODE_TYPE, "Size": "int64", "MTime": "int64", "Mode": "int32", "Etag": "string",
    "Commits": ["any"], "MetaStore": Map("string"), "AppearsIn": [_WS_RELATIVE],
}
SCOPE = Enum(("ANY", "ADMIN", "ROOM", "LINK"))
WORKSPACE = {
    "UUID": "string", "Label": "string", "Description": "string", "Slug": "string", "Scope": SCOPE, "LastUpdated": "int32",
    "Policies": [POLICY], "Attributes": "string", "RootUUIDs": ["string"], "RootNodes": Map(NODE), "PoliciesContextEditable": "bool",
}
WORKSPACE_QUERY = {
    "uuid": "string", "label": "string", "description": "string", "slug": "string", "scope": SCOPE, "LastUpdated": "string",
    "HasAttribute": "string", "AttributeName": "string", "AttributeValue": "string", "not": "bool",
}
SEARCH_WORKSPACES = {**_SEARCH, "Queries": [WORKSPACE_QUERY]}
STORAGE_TYPE = Enum(("LOCAL", "S3", "SMB", "FTP", "AZURE", "GCS", "B2", "MANTA", "SIA"))
DATA_SOURCE = {
    "Name": "string", "Disabled": "bool", "StorageType": STORAGE_TYPE, "StorageConfiguration": Map("string"),
    "ObjectsServiceName": "string", "ObjectsHost": "string", "ObjectsPort": "int32", "ObjectsSecure": "bool", "ObjectsBucket": "string",
    "ObjectsBaseFolder": "string", "ApiKey": "string", "ApiSecret": "string", "PeerAddress": "string", "Watch": "bool",
    "FlatStorage": "bool", "SkipSyncOnRestart": "bool", "EncryptionMode": Enum(("CLEAR", "MASTER", "USER", "USER_PWD")),
    "EncryptionKey": "string", "VersioningPolicyName": "string", "CreationDate": "int32", "LastSynchronizationDate": "int32",
}
PEER_FOLDER = {"PeerAddress": "string", "Path": "string"}
BULK_STAT = {"NodePaths": ["string"], "AllMetaProviders": "bool", "Versions": "bool", "Limit": "int32", "Offset": "int32",
             "SortField": "string", "SortDirDesc": "bool", "Filters": Map("string")}
CREATE_NODES = {"Nodes": [NODE], "Recursive": "bool", "TemplateUUID": "string"}
DELETE_NODES = {"Nodes": [NODE], "Recursive": "bool", "RemovePermanently": "bool"}
NODES = {"Nodes": [NODE]}
LIST_NODES = {
    "Node": NODE, "Recursive": "bool", "Ancestors": "bool", "WithVersions": "bool", "WithCommits": "bool", "Limit": "int64",
    "Offset": "int64", "FilterType": NODE_TYPE, "SortField": "string", "SortDirDesc": "bool", "StatFlags": ["int32"],
}
STAT_NODE = {"Node": NODE, "WithCommits": "bool", "WithExtendedStats": "bool", "ObjectStats": "bool", "StatFlags": ["int32"]}
META_NAMESPACES = {"NodePath": "string", "Namespace": ["string"]}
SET_META = {"NodePath": "string", "Metadatas": [{"Namespace": "string", "JsonMeta": "string"}]}
SESSION = {"ClientTime": "int32", "AuthInfo": Map("string"), "Logout": "bool"}
TOKEN_DOCUMENT = {"Path": "string", "ClientID": "string"}
REVOKE = {"TokenId": "string"}
RESET_TOKEN = {"UserLogin": "string"}
RESET_PASSWORD = {"ResetPasswordToken": "string", "UserLogin": "string", "NewPassword": "string"}
USER_JOB = {"JobName": "string", "JsonParameters": "string"}
LIST_JOBS = {
    "Owner": "string", "EventsOnly": "bool", "TimersOnly": "bool", "LoadTasks": Enum(
        ("Unknown", "Idle", "Running", "Finished", "Interrupted", "Paused", "Any", "Error", "Queued")),
    "JobIDs": ["string"], "TasksOffset": "int32", "TasksLimit": "int32",
}
JOB_COMMAND = {"Cmd": Enum(("None", "Pause", "Resume", "Stop", "Delete", "RunOnce", "Inactive", "Active")), "JobId": "string",
               "TaskId": "string", "OwnerId": "string", "RunParameters": Map("string")}
TASK_LOGS = {"Query": "string", "Page": "int32", "Size": "int32", "Format": Enum(("JSON", "CSV", "XLSX")), "DisableResultCount": "bool"}
DELETE_TASKS = {"JobId": "string", "TaskID": ["string"], "Status": [Enum(
    ("Unknown", "Idle", "Running", "Finished", "Interrupted", "Paused", "Any", "Error", "Queued"))], "PruneLimit": "int32"}
META_NAMESPACE = {"Namespace": "string", "Label": "string", "Order": "int32", "Indexable": "bool", "JsonDefinition": "string",
                  "Policies": [POLICY], "PoliciesContextEditable": "bool"}
UPDATE_NAMESPACES = {"Operation": Enum(("PUT", "DELETE")), "Namespaces": [META_NAMESPACE]}
USER_META = {"Uuid": "string", "NodeUuid": "string", "Namespace": "string", "JsonValue": "string", "Policies": [POLICY],
             "PoliciesContextEditable": "bool", "ResolvedNode": NODE}
UPDATE_META = {"Operation": Enum(("PUT", "DELETE")), "MetaDatas": [USER_META]}
SEARCH_META = {"MetaUuids": ["string"], "NodeUuids": ["string"], "Namespace": "string", "ResourceSubjectOwner": "string",
               "ResourceQuery": POLICY_QUERY}
TAG = {"Namespace": "string", "Tag": "string"}
SUBSCRIPTION = {"UserId": "string", "ObjectType": Enum(("NODE", "USER")), "ObjectId": "string", "Events": ["string"]}
SEARCH_SUBSCRIPTIONS = {"UserIds": ["string"], "ObjectTypes": [Enum(("NODE", "USER"))], "ObjectIds": ["string"]}
STREAM = {"Context": Enum(("MAINFEED", "USER_ID", "NODE_ID")), "ContextData": "string", "StreamFilter": "string", "BoxName": "string",
          "UnreadCountOnly": "bool", "Offset": "int64", "Limit": "int64", "AsDigest": "bool", "PointOfView": "any", "Language": "string"}
_CELL_ACL = {"RoleId": "string", "Actions": [ACTION], "IsUserRole": "bool", "User": USER, "Group": USER, "Role": ROLE}
CELL = {"Uuid": "string", "Label": "string", "Description": "string", "RootNodes": [NODE], "ACLs": Map(_CELL_ACL), "Policies": [POLICY],
        "PoliciesContextEditable": "bool"}
PUT_CELL = {"Room": CELL, "CreateEmptyRoot": "bool"}
LINK_PERMISSION = Enum(("NoAccess", "Preview", "Download", "Upload"))
LINK = {
    "Uuid": "string", "LinkHash": "string", "LinkUrl": "string", "Label": "string", "Description": "string", "UserUuid": "string",
    "UserLogin": "string", "PasswordRequired": "bool", "AccessStart": "int64", "AccessEnd": "int64", "MaxDownloads": "int64",
    "CurrentDownloads": "int64", "ViewTemplateName": "string", "TargetUsers": Map({"Display": "string", "DownloadCount": "int32"}),
    "RestrictToTargetUsers": "bool", "RootNodes": [NODE], "Permissions": [LINK_PERMISSION], "Policies": [POLICY],
    "PoliciesContextEditable": "bool",
}
PUT_LINK = {"ShareLink": LINK, "PasswordEnabled": "bool", "CreatePassword": "string", "UpdatePassword": "string",
            "UpdateCustomHash": "string"}
SHARE_RESOURCES = {"ShareType": Enum(("ANY", "LINKS", "CELLS")), "Subject": "string", "OwnedBySubject": "bool", "Offset": "int32",
                   "Limit": "int32"}
SHARE_POLICIES = {"Uuid": "string", "Policies": [POLICY]}
CONFIGURATION = {"FullPath": "string", "Data": "string"}
ANYTHING: dict[str, object] = {}
