"""An installation is found in every layout, and no path of the dead machine ever stands for a file of this one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from migrate.errors import ExitStatus
from migrate.extract.configuration import instance_name, server_url, sql_parameters
from migrate.extract.database import DatabaseMissing
from migrate.extract.installation import NotAnInstallation, locate

SAMPLES = {
    "ajaxplorer-4.2.3-serial": ("AjaXplorer", "4.2.3", "/var/www/ajxp4", "serial", None),
    "ajaxplorer-5.0.3-serial": ("AjaXplorer", "5.0.3", "/var/www/ajxp5", "serial", None),
    "pydio-5.2.5-serial": ("Pydio", "5.2.5", "/var/www/pydio5serial", "serial", None),
    "pydio-5.2.5-sqlite": ("Pydio", "5.2.5", "/var/www/pydio5sql", "sql", "sqlite"),
    "pydio-6.4.2-serial": ("Pydio", "6.4.2", "/var/www/pydio6serial", "serial", None),
    "pydio-6.4.2-sqlite": ("Pydio", "6.4.2", "/var/www/pydio6sql", "sql", "sqlite"),
    "pydio-7.0.4-sqlite": ("Pydio", "7.0.4", "/var/www/pydio7", "sql", "sqlite"),
    "pydio-8.2.5-mysql": ("Pydio", "8.2.5", "/var/www/pydio8my", "sql", "mysql"),
    "pydio-8.2.5-sqlite": ("Pydio", "8.2.5", "/var/www/pydio8", "sql", "sqlite"),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", SAMPLES)
def test_real_installations_are_recognised_and_every_stream_is_readable(sample, name):
    found = locate(sample(name))
    facts = found.facts
    assert (facts.application, facts.version, facts.install_path, facts.conf, facts.database) == SAMPLES[name]
    assert found.findings == []
    assert found.find("/srv/shared-docs") == sample(name) / "external/srv/shared-docs"
    store = found.open_store()
    for stream in (store.users, store.groups, store.roles, store.teams, store.workspaces, store.preferences, store.bookmarks, store.comments):
        assert "Unreadable(" not in repr(list(stream()))
    assert {f.code for f in store.findings} <= {"F1040", "F1041", "F1063"}
    store.close()


def make(root: Path, *, data: str = 'AJXP_INSTALL_PATH."/data"', boot: dict | None = None, conf: str = "conf", where: str = "data") -> Path:
    (root / conf).mkdir(parents=True)
    (root / conf / "bootstrap_context.php").write_text(f'<?php define("AJXP_DATA_PATH", {data});')
    (root / conf / "VERSION").write_text("8.2.5__2020-02-11__x__68")
    (root / conf / "bootstrap_repositories.php").write_text('<?php $REPOSITORIES[0] = array("DISPLAY" => "Files", "DRIVER" => "fs");')
    folder = root / where / "plugins" / "boot.conf"
    folder.mkdir(parents=True)
    if boot is not None:
        (folder / "bootstrap.json").write_text(json.dumps(boot))
    return root


def test_data_of_packages_is_found_below_external_or_by_path_map(tmp_path):
    root = make(tmp_path / "a", data='"/var/lib/pydio"', where="external/var/lib/pydio", conf="etc/pydio")
    assert locate(root).data_folder == root / "external/var/lib/pydio"
    other = make(tmp_path / "b", data='"/var/lib/pydio/data"', where="elsewhere/data")
    found = locate(other, path_map={"/var/lib/pydio": str(other / "elsewhere")})
    assert found.data_folder == other / "elsewhere/data"
    assert found.data_path == "/var/lib/pydio/data"


def test_conf_that_is_a_dead_link_is_followed_by_path_map(tmp_path):
    root = make(tmp_path / "a", conf="saved/pydio")
    os.symlink("/etc/pydio", root / "conf")
    assert locate(root, path_map={"/etc": str(root / "saved")}).conf_folder == root / "saved/pydio"


def test_the_folder_above_the_installation_and_conf_itself_will_do(tmp_path):
    make(tmp_path / "pydio")
    assert locate(tmp_path).root == tmp_path / "pydio"
    assert locate(tmp_path / "pydio" / "conf").root == tmp_path / "pydio"


def test_paths_are_mapped_and_never_climb_out(tmp_path):
    root = make(tmp_path / "a")
    (root / "data/public").mkdir()
    (root / "data/public/x.php").write_text('<?php require_once("/opt/my/pydio/publicLet.inc.php");')
    found = locate(root, path_map={"/srv": "/mnt/backup/srv"})
    assert found.install_path == "/opt/my/pydio"
    assert found.here("/opt/my/pydio/data/files/a") == str(root / "data/files/a")
    assert found.here("AJXP_DATA_PATH/files") == str(root / "data/files")
    assert found.here("/srv/docs") == "/mnt/backup/srv/docs"
    for path in ("/srv/../etc/passwd", "/etc/passwd", "/opt/my/pydio/data/../../../../etc/passwd", "../../etc/passwd", "/srvx/a"):
        assert found.here(path).startswith(str(root / "external") + "/"), path
        assert found.find(path) is None


def test_without_any_trace_the_prefix_is_a_finding_and_variables_still_map(tmp_path):
    found = locate(make(tmp_path))
    assert [f.code for f in found.findings] == ["F1002", "F1004"]
    assert found.facts.install_path is None
    assert found.here("AJXP_DATA_PATH/files") == str(tmp_path / "data/files")


def test_placeholders_of_a_checkout_are_no_version(tmp_path):
    root = make(tmp_path, boot={"core.conf": {}})
    (root / "conf/VERSION").write_text("##VERSION_NUMBER##__##VERSION_DATE##")
    assert "F1001" in [f.code for f in locate(root).findings]


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_what_is_no_installation_is_a_clear_error(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotAnInstallation) as caught:
        locate(tmp_path / name)
    assert caught.value.exit_status is ExitStatus.LEGACY_UNREADABLE


def test_a_missing_sqlite_file_is_a_clear_error(tmp_path):
    boot = {"core.conf": {"UNIQUE_INSTANCE_CONFIG": "conf.sql", "DIBI_PRECONFIGURATION": {"sqlite3_database": "/x.db", "group_switch_value": "sqlite3"}}}
    with pytest.raises(DatabaseMissing):
        locate(make(tmp_path, boot=boot)).open_store()


def test_damaged_json_is_a_finding_and_the_backup_is_used(tmp_path):
    root = make(tmp_path)
    folder = root / "data/plugins/boot.conf"
    (folder / "bootstrap.json").write_text('{"core.conf": ')
    (folder / "bootstrap.json.bak").write_text('{"core.conf": {"UNIQUE_INSTANCE_CONFIG": {"group_switch_value": "conf.sql"}}}')
    found = locate(root)
    assert found.drivers.conf == "sql"
    assert "F1020" in [f.code for f in found.findings]


def test_bootstrap_plugins_overrides_json_and_says_so(tmp_path):
    root = make(tmp_path, boot={"core.conf": {"UNIQUE_INSTANCE_CONFIG": "conf.sql"}, "core.auth": {"MASTER_INSTANCE_CONFIG": "auth.sql"}})
    (root / "conf/bootstrap_plugins.php").write_text(
        '<?php $PLUGINS = array("CONF_DRIVER" => array("NAME" => "serial", "OPTIONS" => array()), "AUTH_DRIVER" => array("NAME" => "multi",'
        ' "OPTIONS" => array("MASTER_DRIVER" => "ldap", "DRIVERS" => array("serial" => array("NAME" => "serial"), "ldap" => array("NAME" => "ldap")))));'
    )
    found = locate(root)
    assert (found.drivers.conf, found.drivers.auth) == ("serial", ("ldap", "serial"))
    assert "F1021" in [f.code for f in found.findings]


def test_workspaces_left_behind_by_an_upgrade_are_found(tmp_path):
    root = make(tmp_path)
    (root / "conf/bootstrap_repositories.php.pre-update").write_text(
        '<?php $REPOSITORIES[0] = array("DISPLAY" => "Old"); $REPOSITORIES["mine"] = array("DISPLAY" => "Mine", "DRIVER" => "fs");'
    )
    found = locate(root)
    assert {k: v["DISPLAY"] for k, v in found.static.items()} == {"0": "Files", "mine": "Mine"}
    assert "F1030" in [f.code for f in found.findings]


def test_instances_in_all_their_forms():
    forms = [{"instance_name": "conf.sql"}, {"group_switch_value": "conf.sql"}, "conf.sql", [], None, {}]
    assert [instance_name(f) for f in forms] == ["conf.sql"] * 3 + [None] * 3


def test_sql_parameters_lose_their_prefix_and_point_to_core():
    preset = {f"mysql_{k}": v for k, v in {"driver": "mysql", "host": "h:3307", "username": "u", "password": "p_w", "database": "d"}.items()}
    preset["group_switch_value"] = "mysql"
    got = sql_parameters({"group_switch_value": "core"}, preset, str)
    assert got["password"] == "p_w"
    url = server_url(got)
    assert url is not None and (url.get_backend_name(), url.host, url.port, url.database) == ("mysql", "h", 3307, "d")
    flat = sql_parameters({"driver": "postgre", "host": "localhost", "database": "d"}, preset, str)
    assert server_url(flat).get_backend_name() == "postgresql"
    assert server_url({"driver": "mssql"}) is None
