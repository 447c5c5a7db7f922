"""Every old form of address leads where it should: each is requested through a real nginx that has the generated files."""

from __future__ import annotations

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


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an nginx with the generated files, which answers 204 to everything else."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("there is no nginx on this machine")
    folder = tmp_path_factory.mktemp("nginx")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = f"http://127.0.0.1:{port}"
    found = Redirects({**FOUND.links, "stays": f"{here}/public/stays"}, {**FOUND.slugs, "stays": f"{here}/ws-stays/"}, FOUND.ids)
    (folder / "http.conf").write_text(redirects.nginx_maps(found), encoding="utf-8")
    (folder / "server.conf").write_text(redirects.nginx_rules(found), encoding="utf-8")
    temporary = "".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;\nevents {{}}\n"
        f"http {{ access_log off; {temporary} include {folder}/http.conf;\n"
        f"server {{ listen 127.0.0.1:{port}; include {folder}/server.conf; location / {{ return 204; }} }} }}\n", encoding="utf-8")
    process = subprocess.Popen([program, "-c", str(folder / "nginx.conf"), "-p", str(folder)], stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(100):
            if process.poll() is not None:
                pytest.fail("nginx does not take the generated files: " + (process.stderr.read() if process.stderr else ""))
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield here
    finally:
        process.terminate()
        process.wait(10)


def asked(base: str, path: str) -> tuple[int, str | None]:
    answer = requests.get(base + path, allow_redirects=False, timeout=10)
    return answer.status_code, answer.headers.get("Location")


@pytest.mark.parametrize("hash_", [h for h, target in FOUND.links.items() if target != GONE and "%" not in h])
def test_every_form_of_a_links_address_leads_to_it(nginx: str, hash_: str) -> None:
    for form in (*redirects.forms(hash_), f"/pydio/public/{quote(hash_)}", f"/public/{quote(hash_)}--pt-br", f"/public/{quote(hash_)}/"):
        assert asked(nginx, form) == (301, FOUND.links[hash_]), form


def test_a_hash_with_a_percent_sign_leads_to_its_new_address(nginx: str) -> None:
    assert asked(nginx, "/public/50%25") == (301, f"{NEW}/public/0123456789abcdef")


def test_a_link_that_is_not_published_any_more_says_so(nginx: str) -> None:
    for form in redirects.forms("e41860"):
        assert asked(nginx, form)[0] == 410, form


@pytest.mark.parametrize("path, target", [
    ("/ws-my-files/", "/ws-personal-files/"), ("/ws-projects/Specs/a%20b.txt", "/ws-projects/Specs/a%20b.txt"), ("/pydio/ws-projects", "/ws-projects/"),
    ("/?goto=ab264b892535938235717c4ed4058e9e/Specs", "/ws-projects/"), ("/index.php?goto=%2Fab264b892535938235717c4ed4058e9e%2FSpecs", "/ws-projects/"),
    ("/?repository_id=ab264b892535938235717c4ed4058e9e&folder=/Specs", "/ws-projects/"), ("/?goto=0/x", "/ws-common/"),
])
def test_deep_links_into_workspaces_lead_to_the_workspace(nginx: str, path: str, target: str) -> None:
    assert asked(nginx, path) == (301, NEW + target)


@pytest.mark.parametrize("path", ["/", "/public/unknown", "/public/", "/ws-unknown/", "/2a5894", "/public/mixedcase", "/public/2a5894x", "/?goto=unknown/x"])
def test_everything_else_is_left_alone(nginx: str, path: str) -> None:
    assert asked(nginx, path) == (204, None)


def test_an_address_that_stays_on_the_same_host_makes_no_loop(nginx: str) -> None:
    assert asked(nginx, "/public/stays") == (204, None)
    assert asked(nginx, "/ws-stays/docs") == (204, None)
    assert asked(nginx, "/public/stays--fr") == (301, f"{nginx}/public/stays")


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
