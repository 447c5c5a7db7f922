"""Every old form of address leads where it should: each is requested through a real nginx, Apache and Caddy that have the generated files."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from migrate.ledger import Ledger
from migrate.report import redirects
from migrate.report.redirects import GONE, Redirects

NEW = "https://cells.example.org"
FOUND = Redirects(
    links={"2a5894": f"{NEW}/public/2a5894", "alice-report-2018": f"{NEW}/public/alice-report-2018", "e41860": GONE, "50%": f"{NEW}/public/0123456789abcdef",
           "MixedCase": f"{NEW}/public/MixedCase", "default": f"{NEW}/public/default", "été": f"{NEW}/public/%C3%A9t%C3%A9",
           "a--b": f"{NEW}/public/a--b", "plan.v1": f"{NEW}/public/plan.v1", "~tilde": f"{NEW}/public/~tilde"},
    slugs={"my-files": f"{NEW}/ws-personal-files/", "projects": f"{NEW}/ws-projects/"},
    ids={"ab264b892535938235717c4ed4058e9e": f"{NEW}/ws-projects/", "0": f"{NEW}/ws-common/"})


def _program(name: str) -> str:
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if program is None:
        pytest.skip(f"there is no {name} on this machine")
    return program


def _nginx(folder: Path, found: Redirects, port: int) -> list[str]:
    (folder / "http.conf").write_text(redirects.nginx_maps(found), encoding="utf-8")
    (folder / "server.conf").write_text(redirects.nginx_rules(found), encoding="utf-8")
    temporary = "".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;\nevents {{}}\n"
        f"http {{ access_log off; {temporary} include {folder}/http.conf;\n"
        f"server {{ listen 127.0.0.1:{port}; include {folder}/server.conf; location / {{ return 204; }} }} }}\n", encoding="utf-8")
    return [_program("nginx"), "-c", str(folder / "nginx.conf"), "-p", str(folder)]


def _apache(folder: Path, found: Redirects, port: int) -> list[str]:
    program = _program("apache2")
    modules = next((path for path in (Path("/usr/lib/apache2/modules"), Path("/usr/lib64/httpd/modules")) if path.is_dir()), None)
    if modules is None:
        pytest.skip("the modules of Apache are not where this test knows them")
    for name, text in redirects.apache_files(found, folder).items():
        (folder / name).write_text(text, encoding="utf-8", errors="surrogateescape")
    built_in = subprocess.run([program, "-l"], capture_output=True, text=True, check=False).stdout
    loads = "".join(f"LoadModule {name}_module {modules}/mod_{name}.so\n" for name in ("mpm_event", "authz_core", "rewrite")
                    if f"mod_{name}.c" not in built_in and (modules / f"mod_{name}.so").exists())
    user = "User www-data\nGroup www-data\n" if (modules / "mod_unixd.so").exists() else ""
    (folder / "httpd.conf").write_text(
        f"ServerRoot {folder}\nPidFile {folder}/pid\nErrorLog {folder}/error.log\nDefaultRuntimeDir {folder}\nListen 127.0.0.1:{port}\nServerName 127.0.0.1\n"
        f"{loads}{user}AllowEncodedSlashes On\n<VirtualHost *:{port}>\nInclude {folder}/apache.conf\nRewriteRule ^ - [R=204,L]\n</VirtualHost>\n",
        encoding="utf-8")
    return [program, "-X", "-f", str(folder / "httpd.conf")]


def _caddy(folder: Path, found: Redirects, port: int) -> list[str]:
    (folder / "pydio.caddy").write_text(redirects.caddy(found), encoding="utf-8")
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\nhttp://127.0.0.1:{port} {{\n"
                                      f"\timport {folder}/pydio.caddy\n\trespond 204\n}}\n", encoding="utf-8")
    return [_program("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


@pytest.fixture(scope="module", params=[_nginx, _apache, _caddy], ids=["nginx", "apache", "caddy"])
def web(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a web server with the generated files, which answers 204 to everything else."""
    folder = tmp_path_factory.mktemp("web")
    for part in (folder, *folder.parents):  # Apache drops its rights before it reads the tables
        if part.is_relative_to(tmp_path_factory.getbasetemp().parent) and part.stat().st_uid == os.getuid():
            part.chmod(part.stat().st_mode | 0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = f"http://127.0.0.1:{port}"
    found = Redirects({**FOUND.links, "stays": f"{here}/public/stays"}, {**FOUND.slugs, "stays": f"{here}/ws-stays/"}, FOUND.ids, ("/dl.old", "/a b"))
    process = subprocess.Popen(request.param(folder, found, port), stderr=subprocess.PIPE, text=True, env={**os.environ, "HOME": str(folder)})
    try:
        for _ in range(200):
            if process.poll() is not None:
                pytest.fail("the web server does not take the generated files: " + (process.stderr.read() if process.stderr else ""))
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield here
    finally:
        process.terminate()
        process.wait(20)


def asked(base: str, path: str) -> tuple[int, str | None]:
    answer = requests.get(base + path, allow_redirects=False, timeout=10)
    return answer.status_code, answer.headers.get("Location")


@pytest.mark.parametrize("hash_", [h for h, target in FOUND.links.items() if target != GONE and "%" not in h])
def test_every_form_of_a_links_address_leads_to_it(web: str, hash_: str) -> None:
    for form in (*redirects.forms(hash_), f"/pydio/public/{quote(hash_)}", f"/public/{quote(hash_)}--pt-br", f"/public/{quote(hash_)}/"):
        assert asked(web, form) == (301, FOUND.links[hash_]), form


@pytest.mark.parametrize("path", ["/dl.old/2a5894", "/files/dl.old/2a5894.php?lang=fr"])
def test_a_link_is_found_where_options_of_the_old_server_had_put_it(web: str, path: str) -> None:
    assert asked(web, path) == (301, FOUND.links["2a5894"])


def test_at_the_top_of_a_host_of_its_own_a_link_is_found_and_deeper_nothing_is() -> None:
    above = Redirects(folders=("/",)).above
    assert re.fullmatch(f"{above}/([^/]+)/?", "/2a5894")[1] == "2a5894" and re.fullmatch(f"{above}/([^/]+)/?", "/old/public/2a5894")
    assert not re.fullmatch(f"{above}/([^/]+)/?", "/elsewhere/2a5894")


@pytest.mark.parametrize("path", ["/elsewhere/2a5894", "/dlxold/2a5894"])
def test_a_hash_in_any_other_folder_is_no_link(web: str, path: str) -> None:
    assert asked(web, path) == (204, None)


def test_a_hash_with_a_percent_sign_leads_to_its_new_address(web: str) -> None:
    assert asked(web, "/public/50%25") == (301, f"{NEW}/public/0123456789abcdef")


def test_a_link_that_is_not_published_any_more_says_so(web: str) -> None:
    for form in redirects.forms("e41860"):
        assert asked(web, form)[0] == 410, form


@pytest.mark.parametrize("path, target", [
    ("/ws-my-files/", "/ws-personal-files/"), ("/ws-projects/Specs/a%20b.txt", "/ws-projects/Specs/a%20b.txt"), ("/pydio/ws-projects", "/ws-projects/"),
    ("/?goto=ab264b892535938235717c4ed4058e9e/Specs", "/ws-projects/"), ("/index.php?goto=%2Fab264b892535938235717c4ed4058e9e%2FSpecs", "/ws-projects/"),
    ("/?repository_id=ab264b892535938235717c4ed4058e9e&folder=/Specs", "/ws-projects/"), ("/?goto=0/x", "/ws-common/"),
])
def test_deep_links_into_workspaces_lead_to_the_workspace(web: str, path: str, target: str) -> None:
    assert asked(web, path) == (301, NEW + target)


@pytest.mark.parametrize("path", ["/", "/public/unknown", "/public/", "/ws-unknown/", "/2a5894", "/public/mixedcase", "/public/2a5894x", "/?goto=unknown/x"])
def test_everything_else_is_left_alone(web: str, path: str) -> None:
    assert asked(web, path) == (204, None)


def test_an_address_that_stays_on_the_same_host_makes_no_loop(web: str) -> None:
    assert asked(web, "/public/stays") == (204, None)
    assert asked(web, "/ws-stays/docs") == (204, None)
    assert asked(web, "/public/stays--fr") == (301, f"{web}/public/stays")


def test_the_files_hold_every_link_once(tmp_path: Path) -> None:
    with Ledger.create(tmp_path) as ledger:
        assert redirects.write(ledger, tmp_path) == []
        ledger.put("server", {"url": NEW + "/"})
        ledger.replace_records("shares", [(f"{c}\0{h}", {"child_workspace_id": c, "link": {"hash": h}}) for c, h in (("c", "h1"), ("d", "h2"))])
        ledger.put_targets("shares", [("h1", {"kind": "link", "uuid": "u", "hash": "h1"}), ("c", {"kind": "cell", "uuid": "v", "slug": "docs"})])
        ledger.replace_records("children", [("c", {"slug": "old-docs"})])
        ledger.settle("shares", "d\0h2", "skipped", "S3105")
        folder = redirects.write(ledger, tmp_path)[0]
    rows = (folder / "redirects.csv").read_text(encoding="utf-8").splitlines()
    assert f"link,/public/h1,{NEW}/public/h1" in rows and "link,/public/h2," in rows and f"workspace,/ws-old-docs/,{NEW}/ws-docs/" in rows
    for name in ("nginx-http.conf", "apache-links.txt", "Caddyfile"):
        text = (folder / name).read_text(encoding="utf-8")
        assert f"{NEW}/public/h1" in text and GONE in text


def test_a_formula_in_a_slug_is_text_in_the_table() -> None:
    assert all(not row.split(",")[1].startswith(("=", "+", "-", "@")) for row in redirects.table(Redirects(slugs={"=cmd": NEW})).splitlines())
