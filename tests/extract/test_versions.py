"""Every version from 3.2 to 8.0 is told by its own files, and its drivers, workspaces and rights are read by its own rules.

The small installations here are made by hand from what each version shipped and wrote."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import phpserialize
import pytest

from migrate.extract.fingerprint import version_of_objects, version_of_schema
from migrate.extract.source import Source

STATIC = {
    "3.2": "0 ajxp_shared 1", "3.3": "0 1 ajxp_shared ajxp_conf fs_template", "4.0": "0 1 ajxp_shared ajxp_conf fs_template",
    "4.2": "0 1 ajxp_shared ajxp_conf fs_template", "4.3": "0 1 ajxp_shared ajxp_conf fs_template", "5.0": "0 1 ajxp_shared ajxp_conf fs_template",
    "5.1": "0 1 ajxp_user ajxp_conf fs_template", "5.3": "0 1 ajxp_user ajxp_home ajxp_conf fs_template",
    "6.0": "0 1 ajxp_user ajxp_home ajxp_conf fs_template", "6.2": "0 1 ajxp_user ajxp_home ajxp_conf fs_template",
    "6.4": "0 1 ajxp_user ajxp_home inbox ajxp_conf fs_template", "6.5": "0 1 ajxp_user ajxp_home inbox ajxp_conf fs_template",
    "7.0": "0 1 ajxp_user ajxp_home inbox ajxp_conf fs_template", "8.0": "0 1 ajxp_home inbox ajxp_conf fs_template",
}
SQL_ONLY = ("6.5", "7.0", "8.0")
CONSTANTS = (("4.3", "AJXP_PLUGINS_QUERIES_CACHE"), ("5.0", "PBKDF2_HASH_ALGORITHM"), ("6.2", "AJXP_PLUGINS_BOOTSTRAP_CACHE"), ("6.5", "AJXP_VENDOR_FOLDER"))


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else phpserialize.dumps(value))


def repositories(version: str) -> str:
    """The workspaces that a version came with; what `1` is changed twice."""
    lines = []
    for key in STATIC[version].split():
        driver = key if key.startswith(("ajxp_", "inbox")) else "fs"
        path = 'AJXP_DATA_PATH . "/files"'
        if version == "3.2":
            driver = {"0": "fs", "1": "ajxp_conf"}.get(key, driver)
            path = 'realpath(dirname(__FILE__) . "/../../files")'
        elif key == "1":
            path = '"AJXP_DATA_PATH/personal/AJXP_USER"'
        template = '"IS_TEMPLATE" => true, ' if key == "fs_template" else ""
        name = key if key.isdigit() else f'"{key}"'
        lines.append(f'$REPOSITORIES[{name}] = array("DISPLAY" => "W {key}", "DRIVER" => "{driver}", {template}"DRIVER_OPTIONS" => array("PATH" => {path}));')
    return "\n".join(lines)


def conf(root: Path, version: str, named: bool = True) -> None:
    """The conf folder of a version. `named`: with a version, else as in a source checkout."""
    if version == "3.2":
        constant = 'define("AJXP_VERSION", "3.2.4");' if named else ""
        write(root / "server/conf/base.conf.php", f'<?php {constant} define("INSTALL_PATH", realpath(dirname(__FILE__) . "/../../"));')
        write(root / "server/conf/conf.php", "<?php\n" + repositories(version) + '\n$PLUGINS = array("CONF_DRIVER" => array("NAME" => "serial"));')
        return
    extra = "".join(f'define("{name}", 1);' for since, name in CONSTANTS if numbers(version) >= numbers(since))
    write(root / "conf/bootstrap_context.php", f'<?php list($v, $d) = explode("__", file_get_contents("VERSION")); define("AJXP_VERSION", $v);'
          f'define("AJXP_DATA_PATH", AJXP_INSTALL_PATH . "/data"); {extra}')
    write(root / "conf/bootstrap_repositories.php", "<?php\n" + repositories(version))
    write(root / "conf/VERSION", f"{version}.1__2014/01/01__1" if named else "##VERSION_NUMBER##__##VERSION_DATE##")
    if numbers(version) >= (4, 2):
        write(root / "conf/bootstrap_conf.php", "<?php")
    if numbers(version) >= (6, 0):
        write(root / "conf/VERSION.php", "<?php")
    if numbers(version) < (4, 3):
        options = 'array("CONF_DRIVER" => array("NAME" => "serial"), "AUTH_DRIVER" => array("NAME" => "serial"))'
        write(root / "conf/bootstrap_plugins.php", f"<?php $PLUGINS = {options};")


def role(name: str, acls: dict, *, applies: tuple = ()) -> bytes:
    values = {b"roleId": name.encode(), b"acls": acls, b"parameters": {}, b"actions": {}, b"autoApplies": dict(enumerate(applies))}
    body = b"".join(b's:%d:"\0*\0%s";%s' % (len(key) + 3, key, phpserialize.dumps(value)) for key, value in values.items())
    return b'O:9:"AJXP_Role":%d:{%s}' % (len(values), body)


def people(root: Path, version: str) -> None:
    """Ann may read 0 by a role (or by her own rights, up to 4.2) and has 1 to herself; she is no administrator."""
    new, sql = numbers(version) >= (4, 3), version in SQL_ONLY
    users = root / ("server/users" if version == "3.2" else "data/plugins/auth.serial")
    personal, everybody = role("AJXP_USR_/ann", {1: b"rw"}), role("R", {0: b"r"})
    if sql:
        boot = {"core.conf": {"UNIQUE_INSTANCE_CONFIG": "conf.sql", "DIBI_PRECONFIGURATION": {
                    "sqlite3_driver": "sqlite3", "sqlite3_database": "AJXP_DATA_PATH/plugins/conf.sql/pydio.db", "group_switch_value": "sqlite3"}},
                "core.auth": {"MASTER_INSTANCE_CONFIG": "auth.sql"}}
        write(root / "data/plugins/boot.conf/bootstrap.json", json.dumps(boot))
        (root / "data/plugins/conf.sql").mkdir(parents=True)
        with sqlite3.connect(root / "data/plugins/conf.sql/pydio.db") as db:
            db.execute("CREATE TABLE ajxp_users (login, password, groupPath)")
            db.execute("CREATE TABLE ajxp_user_rights (rid INTEGER, login, repo_uuid, rights)")
            db.execute("CREATE TABLE ajxp_repo (uuid, isTemplate)")
            db.execute("CREATE TABLE ajxp_roles (role_id, serial_role, last_updated" + (", owner_user_id)" if version == "8.0" else ")"))
            db.execute("CREATE TABLE ajxp_tasks (uid)")
            db.execute("INSERT INTO ajxp_users VALUES ('ann', ?, '/')", ("0" * 32,))
            roles = b"$phpserial$" + phpserialize.dumps({b"R": True})
            db.executemany("INSERT INTO ajxp_user_rights VALUES (?, 'ann', ?, ?)", [(1, "ajxp.admin", "0"), (2, "ajxp.roles", roles)])
            db.executemany("INSERT INTO ajxp_roles (role_id, serial_role) VALUES (?, ?)", [("R", everybody), ("AJXP_USR_/ann", personal)])
        return
    write(users / "users.ser", {b"ann": b"0" * 32})
    rights: dict = {b"ajxp.admin": False}
    if new:
        write(root / "data/plugins/boot.conf/bootstrap.json", json.dumps({"core.conf": {"UNIQUE_INSTANCE_CONFIG": {"instance_name": "conf.serial"}}}))
        rights[b"ajxp.roles"] = {b"R": True}
        write(users / "ann/role.ser", personal)
        write(users / "roles.ser", b'a:1:{s:1:"R";%s}' % everybody)
    else:
        rights |= {0: b"r", 1: b"rw"}
    write(users / "ann/rights.ser", rights)
    (root / ("files" if version == "3.2" else "data/files")).mkdir(parents=True)


def installation(root: Path, version: str, named: bool = True) -> Path:
    conf(root, version, named)
    people(root, version)
    return root


@pytest.mark.parametrize("version", STATIC)
def test_each_version_is_recognised_with_its_workspaces_and_rights(tmp_path, version):
    with Source.open(installation(tmp_path, version), now=0) as source:
        driver = "sql" if version in SQL_ONLY else "serial"
        assert (source.facts.version[:3], source.facts.conf, source.facts.auth) == (version, driver, driver)
        assert source.facts.application == ("Pydio" if numbers(version) >= (5, 1) else "AjaXplorer")
        assert [w.id for w in source.workspaces()] == STATIC[version].split()
        (ann,) = source.users()
        assert (ann.login, ann.admin, ann.directory, ann.password_scheme) == ("ann", False, False, "md5")
        (access,) = source.access()
        found = {name: right.letters for name, right in access.workspaces.items()}
        assert found == ({"0": "r"} if version == "3.2" else {"0": "r", "1": "rw"})  # 1 was the settings page then
        assert not [f for f in source.findings() if f.severity == "error"]


@pytest.mark.parametrize("version", STATIC)
def test_without_a_version_file_the_shape_tells_it(tmp_path, version):
    with Source.open(installation(tmp_path, version, named=False), now=0) as source:
        told = {"5.3": "5.3", "7.0": "6.5", "4.0": "4.0", "3.3": "4.0"}.get(version, version)
        assert source.facts.version == told
        (found,) = [f for f in source.findings() if f.code == "F1001"]
        assert told in found.message


def test_the_folder_of_3_2_lies_in_the_install_folder(tmp_path):
    with Source.open(installation(tmp_path, "3.2"), now=0) as source:
        root = next(root for root in source.roots() if root.workspace == "0")
        assert (root.folder, root.missing) == (str(tmp_path / "files"), False)


def test_a_copy_of_3_2_with_its_code_lacks_nothing(tmp_path):
    (tmp_path / "plugins/auth.serial").mkdir(parents=True)  # the plugin's code: this version had no data folder
    with Source.open(installation(tmp_path, "3.2"), now=0) as source:
        assert not [found for found in source.findings() if found.severity == "error"]


def test_conf_alone_is_read_and_what_is_missing_is_said(tmp_path):
    conf(tmp_path, "8.0")
    with Source.open(tmp_path, now=0) as source:
        assert (source.facts.version, source.facts.conf) == ("8.0.1", "boot")
        assert len(list(source.workspaces())) == 6 and not list(source.users())
        assert {"F1003", "F1004"} <= {f.code for f in source.findings() if f.severity == "error"}


@pytest.mark.parametrize("version", ["6.5", "8.0"])
def test_a_lost_bootstrap_file_does_not_hide_the_database(tmp_path, version):
    installation(tmp_path, version)
    (tmp_path / "data/plugins/boot.conf/bootstrap.json").unlink()
    with Source.open(tmp_path, now=0) as source:
        assert source.facts.conf == "sql" and [user.login for user in source.users()] == ["ann"]
        assert "F1004" in {f.code for f in source.findings()}


def test_options_of_plugins_in_inc_files_count_least(tmp_path):
    root = installation(tmp_path, "5.1")
    write(root / "conf/conf.core.ajaxplorer.inc", '<?php $DRIVER_CONF = array("APPLICATION_TITLE" => "From a file", "X" => "y");')
    write(root / "conf/conf.auth.serial.inc", '<?php $DRIVER_CONF = array("USERS_FILEPATH" => "AJXP_DATA_PATH/other/users.ser");')
    write(root / "data/plugins/conf.serial/plugins_configs.ser", {b"core.ajaxplorer": {b"APPLICATION_TITLE": b"Stored"}})
    write(root / "data/other/users.ser", {b"ann": b"0" * 32, b"bea": b"1" * 32})
    with Source.open(root, now=0) as source:
        assert source.context.plugin_option("core.ajaxplorer", "APPLICATION_TITLE") == "Stored"
        assert source.context.plugin_option("core.ajaxplorer", "X") == "y"
        assert [user.login for user in source.users()] == ["ann", "bea"]


def test_what_shipped_files_compute_is_only_mentioned_and_what_matters_is_a_warning(tmp_path):
    root = installation(tmp_path, "5.1")
    write(root / "conf/bootstrap_repositories.php", '<?php $REPOSITORIES[0] = array("DRIVER" => "fs", "DRIVER_OPTIONS" => array("PATH" => getenv("X")));')
    with Source.open(root, now=0) as source:
        list(source.workspaces())
        assert {f.code: f.severity for f in source.findings() if f.code in ("F1010", "F1016")} == {"F1010": "warning", "F1016": "info"}


def test_the_schema_tells_the_version():
    tables = {"ajxp_users": ("login", "password")}
    steps = [("2.6", None), ("3.1", ("ajxp_roles", ("role_id",))), ("3.2", ("ajxp_repo", ("uuid", "parent_uuid"))),
             ("4.0", ("ajxp_repo", ("uuid", "parent_uuid", "istemplate"))), ("4.3", ("ajxp_groups", ())), ("5.1", ("ajxp_user_teams", ())),
             ("5.3", ("ajxp_log", ("source",))), ("6.0", ("ajxp_version", ("db_build",))), ("6.2", ("ajxp_roles", ("last_updated",))),
             ("6.5", ("ajxp_tasks", ())), ("8.0", ("ajxp_roles", ("last_updated", "owner_user_id")))]
    for version, added in steps:
        if added is not None:
            tables[added[0]] = added[1]
        assert version_of_schema(tables) == version
    assert version_of_schema({}) is None


def test_stored_objects_tell_the_version():
    assert version_of_objects([b'O:8:"AjxpRole":1:{']) == "3.3"
    assert version_of_objects([b'O:10:"Repository"', b'O:9:"AJXP_Role"']) == "4.3"
    assert version_of_objects([b'O:10:"Repository"{s:29:"\0Repository\0contentFilterData"']) == "6.4"
    assert version_of_objects([b""]) is None


def test_2_2_kept_everything_in_the_install_folder(tmp_path):
    write(tmp_path / "conf/conf.php", '<?php define("INSTALL_PATH", realpath(dirname(__FILE__)."/..")); define("USERS_DIR", INSTALL_PATH."/users");'
          '$REPOSITORIES[0] = array("DISPLAY" => "Files", "DRIVER" => "fs", "PATH" => "/srv/files", "CREATE" => true, "RECYCLE_BIN" => "bin");')
    write(tmp_path / "users/users.ser", {b"ann": b"0" * 32})
    write(tmp_path / "users/ann/rights.ser", {0: b"rw", b"ajxp.admin": True})
    (tmp_path / "external/srv/files/bin").mkdir(parents=True)
    with Source.open(tmp_path, now=0) as source:
        assert (source.facts.version, source.facts.conf) == ("2.2", "serial")
        assert [(user.login, user.admin) for user in source.users()] == [("ann", True)]
        (access,) = source.access()
        assert {name: right.letters for name, right in access.workspaces.items()} == {"0": "rw"}
        (root,) = source.roots()
        assert (root.folder, root.recycle_bin, root.missing) == (str(tmp_path / "external/srv/files"), "bin", False)


def test_2_5_and_2_6_have_drivers_in_one_file_and_users_below_server(tmp_path):
    for name, lines in (("2.5", '$AUTH_DRIVER = array("NAME" => "serial", "OPTIONS" => array()); $CONF_STORAGE = array("NAME" => "serial");'),
                        ("2.6", '$PLUGINS = array("CONF_DRIVER" => array("NAME" => "serial"), "AUTH_DRIVER" => array("NAME" => "serial"));')):
        root = tmp_path / name
        write(root / "server/conf/conf.php", f'<?php define("AJXP_VERSION", "{name}"); {lines} $REPOSITORIES[1] = array("DRIVER" => "fs");')
        write(root / "server/users/users.ser", {b"ann": b"0" * 32, 7: b"1" * 32})
        write(root / "server/users/ann/rights.ser", {1: b"r"})
        write(root / "server/users/7/rights.ser", {1: b"rw"})
        with Source.open(root, now=0) as source:
            assert (source.facts.version, source.facts.conf, source.facts.auth) == (name, "serial", "serial")
            assert {a.login: {k: v.letters for k, v in a.workspaces.items()} for a in source.access()} == {"7": {"1": "rw"}, "ann": {"1": "r"}}


def test_paths_of_a_windows_server_are_found_here(tmp_path):
    root = installation(tmp_path, "4.2")
    write(root / "conf/bootstrap_context.php", '<?php define("AJXP_DATA_PATH", "C:/xampp/data");')
    repository = '$REPOSITORIES["w"] = array("DRIVER" => "fs", "DRIVER_OPTIONS" => array("PATH" => "C:\\\\xampp\\\\data\\\\files"));'
    repository += '$REPOSITORIES["far"] = array("DRIVER" => "fs", "DRIVER_OPTIONS" => array("PATH" => "D:\\\\shares\\\\x"));'
    write(root / "conf/bootstrap_repositories.php", "<?php " + repository)
    (root / "disk/x").mkdir(parents=True)
    with Source.open(root, path_map={"D:/shares": str(root / "disk")}, now=0) as source:
        found = {entry.workspace: (entry.folder, entry.missing) for entry in source.roots()}
        assert found == {"w": (str(root / "data/files"), False), "far": (str(root / "disk/x"), False)}
