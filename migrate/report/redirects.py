"""Where do old addresses lead now? A table, and the same for nginx, Apache and Caddy.

Links were reached as `/public/HASH`, with a language (`HASH--fr`), as a script (`HASH.php?lang=fr`), below any folder of the old
application (`/data/public/…`, `/pydio/public/…`), or where options of the old server had put them; workspaces as `/ws-SLUG/path` (6 and
later), `?goto=ID/path` and `?repository_id=ID` (before). Query strings (`?path=`, `?lang=`) mean nothing to Cells and are dropped."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from migrate.ledger import Ledger

GONE = "gone"
_LANGUAGE = r"(?:--[A-Za-z]{2}(?:[-_][A-Za-z]{2})?)?"
_PLAIN = re.compile(r"(?:/[A-Za-z0-9_.~-]+)+")
_SPECIAL = {"default", "hostnames", "include", "volatile"}


@dataclass
class Redirects:
    """`links`: old hash -> address, or GONE. `slugs`, `ids`: of old workspaces -> address ending in a slash. `folders`: where links were
    beside `/public`, as paths of plain characters; `/` for the top of a host."""

    links: dict[str, str] = field(default_factory=dict)
    slugs: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()

    @property
    def above(self) -> str:
        """Regular expression of what stands before the hash of a link."""
        named = [name.replace(".", "[.]") for name in self.folders if _PLAIN.fullmatch(name) and not name.endswith("/public")]
        if "/" in self.folders:
            return f"(?:(?:/.*)?(?:{'|'.join(['/public', *named])})|)"
        return f"(?:/.*)?(?:{'|'.join(['/public', *named])})" if named else "(?:/.*)?/public"

    def __bool__(self) -> bool:
        return bool(self.links or self.slugs or self.ids)


def collect(ledger: Ledger) -> Redirects:
    """From what the ledger knows of links, cells and workspaces."""
    found = Redirects(folders=tuple(ledger.get("public-folders") or ()))
    base = str((ledger.get("server") or {}).get("url") or "").rstrip("/")
    outcomes = {key: outcome for key, outcome, _ in ledger.unsettled("shares")}
    children = {}
    for key, body in ledger.records("shares"):
        if body.get("link"):
            found.links[body["link"]["hash"]] = GONE
        children[body.get("child_workspace_id") or ""] = outcomes.get(key)
    for key, target in ledger.targets("shares"):
        if target.get("kind") == "link":
            found.links[key] = base + "/public/" + quote(str(target.get("hash") or key), safe="")
    cells = {key: target for key, target in ledger.targets("shares") if target.get("kind") == "cell"}
    places = dict(ledger.targets("workspaces"))
    for kind in ("workspaces", "children"):
        for old, body in ledger.records(kind):
            target = places.get(old) or cells.get(old)
            if target is None or not target.get("slug"):
                continue
            address = f"{base}/ws-{target['slug']}/"
            found.ids[old] = address
            if body.get("slug"):
                found.slugs.setdefault(str(body["slug"]), address)
    return found


def write(ledger: Ledger, work: Path) -> list[Path]:
    """`WORK/redirects/`: redirects.csv, nginx-http.conf and nginx-server.conf, apache.conf with its tables, Caddyfile. Nothing
    when there is nothing to lead."""
    found = collect(ledger)
    if not found:
        return []
    folder = work / "redirects"
    folder.mkdir(exist_ok=True)
    files = {"redirects.csv": table(found), "nginx-http.conf": nginx_maps(found), "nginx-server.conf": nginx_rules(found),
             **apache_files(found, folder), "Caddyfile": caddy(found)}
    for name, text in files.items():
        fresh = folder / (name + ".new")
        fresh.write_text(text, encoding="utf-8", errors="surrogateescape")
        os.replace(fresh, folder / name)
    return [folder]


def forms(hash_: str) -> Iterable[str]:
    """Typical old addresses of a link, as paths with queries."""
    name = quote(hash_, safe="")
    return (f"/public/{name}", f"/public/{name}--fr", f"/public/{name}.php", f"/public/{name}.php?lang=fr", f"/data/public/{name}.php",
            f"/data/public/{name}.php?lang=fr", f"/public/{name}?path=/")


def table(found: Redirects) -> str:
    """CSV: kind, old, new. Both begin with `/` or a scheme: no spreadsheet takes them for formulas."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["kind", "old", "new"])
    for hash_, target in sorted(found.links.items()):
        rows.writerow(["link", "/public/" + hash_, "" if target == GONE else target])
    for slug, target in sorted(found.slugs.items()):
        rows.writerow(["workspace", f"/ws-{slug}/", target])
    for old, target in sorted(found.ids.items()):
        rows.writerow(["workspace", f"/?goto={old}", target])
    return out.getvalue()


# -- nginx ----------------------------------------------------------------------------------------------------------------


def nginx_maps(found: Redirects) -> str:
    """For the `http` block. Exact keys of nginx ignore case, so names with capitals are regular expressions, which do not."""
    keys = [*found.links, *found.slugs, *found.ids]
    longest = max((len(key.encode("utf-8", "surrogateescape")) for key in keys), default=0)
    lines = ["# Old addresses of links and workspaces. Include this file in the http block of nginx.",
             "map_hash_max_size 65536;" if len(keys) > 1500 else "# map_hash_max_size 65536;  # if nginx asks for more",
             f"map_hash_bucket_size {512 if longest > 200 else 256};" if longest > 60 else "# map_hash_bucket_size 256;  # if nginx asks for more",
             "map $uri $pydio_leaf {", '    default "";', f'    "~^{found.above}/(?<pydio_l>[^/]+)/?$" $pydio_l;', "}",
             "map $pydio_leaf $pydio_stem {", "    default $pydio_leaf;",
             rf'    "~^(?<pydio_s>.+?){_LANGUAGE.replace("{", "{").replace("}", "}")}(?:\.php)?$" $pydio_s;', "}"]
    for variable, name in (("$pydio_exact", "$pydio_leaf"), ("$pydio_close", "$pydio_stem")):
        lines += [f"map {name} {variable} {{", '    default "";', *(f"    {_key(h)} {_quoted(t)};" for h, t in sorted(found.links.items())), "}"]
    lines += ["map $pydio_exact $pydio_link {", "    default $pydio_exact;", '    "" $pydio_close;', "}",
              "map $uri $pydio_slug {", '    default "";', r'    "~^(?:/.*?)?/ws-(?<pydio_w>[^/]+)" $pydio_w;', "}",
              "map $request_uri $pydio_rest {", '    default "";', r'    "~^(?:/[^?]*?)?/ws-[^/?]+/(?<pydio_r>[^?]*)" $pydio_r;', "}",
              "map $arg_goto $pydio_goto {", '    default $arg_repository_id;', r'    "~^(?:/|%2[fF])?(?<pydio_g>[^/%]+)" $pydio_g;', "}",
              "map $pydio_slug $pydio_by_slug {", '    default "";', *(f"    {_key(s)} {_quoted(t)};" for s, t in sorted(found.slugs.items())), "}",
              "map $pydio_goto $pydio_by_id {", '    default "";', *(f"    {_key(i)} {_quoted(t)};" for i, t in sorted(found.ids.items())), "}"]
    return "\n".join(lines) + "\n"


def nginx_rules(found: Redirects) -> str:
    """For the `server` block of the old host. An address that stays as it is leads nowhere else: no loops on the same host."""
    return "\n".join([
        "# Include this file in the server block that answers for the old address.",
        'set $pydio_here "$scheme://$http_host$uri";',
        f'if ($pydio_link = "{GONE}") {{ return 410; }}',
        'set $pydio_go $pydio_link;',
        'if ($pydio_by_slug) { set $pydio_go $pydio_by_slug$pydio_rest; }',
        'if ($pydio_by_id) { set $pydio_go $pydio_by_id; }',
        'if ($pydio_go = $pydio_here) { set $pydio_go ""; }',
        'if ($pydio_by_slug = "$scheme://$http_host/ws-$pydio_slug/") { set $pydio_go ""; }',
        'if ($pydio_go) { return 301 $pydio_go; }', ""])


def _key(text: str) -> str:
    """A key of a map: special words, `~` and `\\` in front are escaped."""
    if text != text.lower():
        return _quoted("~^" + re.sub(r"([^A-Za-z0-9_-])", lambda m: "\\" + m[1] if ord(m[1]) < 128 else m[1], text) + "$")
    return _quoted("\\" + text if text in _SPECIAL or text[:1] in ("~", "\\") else text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# -- Apache and Caddy --------------------------------------------------------------------------------------------------------


def apache_files(found: Redirects, folder: Path) -> dict[str, str]:
    """File name -> text: the rules, and the tables that lie beside them in `folder`."""
    return {"apache.conf": apache_rules(folder, found.above), "apache-links.txt": apache_table(found.links), "apache-slugs.txt": apache_table(found.slugs),
            "apache-ids.txt": apache_table(found.ids)}


def apache_rules(folder: Path, above: str = Redirects().above) -> str:
    """For a virtual host (RewriteMap is not allowed in .htaccess). The tables lie beside it."""
    def file(name: str) -> str:
        return f'"txt:{(folder / name).resolve()}"'
    return "\n".join([
        "# Include this file in the virtual host that answers for the old address; copy the three tables along and set their paths.",
        "RewriteEngine On",
        f"RewriteMap pydiolinks {file('apache-links.txt')}", f"RewriteMap pydioslugs {file('apache-slugs.txt')}",
        f"RewriteMap pydioids {file('apache-ids.txt')}",
        f"RewriteCond %{{REQUEST_URI}} ^{above}/([^/]+)/?$", f"RewriteCond ${{pydiolinks:%1}} ^{GONE}$", "RewriteRule ^ - [R=410,L]",
        f"RewriteCond %{{REQUEST_URI}} ^{above}/([^/]+)/?$",
        "RewriteCond ${pydiolinks:%1}|%{REQUEST_SCHEME}://%{HTTP_HOST}%{REQUEST_URI} !^([^|]+)\\|\\1$",
        f"RewriteCond %{{REQUEST_URI}} ^{above}/([^/]+)/?$", "RewriteCond ${pydiolinks:%1} ^(.+)$", "RewriteRule ^ %1? [R=301,L,NE]",
        rf"RewriteCond %{{REQUEST_URI}} ^{above}/([^/]+?){_LANGUAGE}(?:\.php)?/?$", f"RewriteCond ${{pydiolinks:%1}} ^{GONE}$",
        "RewriteRule ^ - [R=410,L]",
        rf"RewriteCond %{{REQUEST_URI}} ^{above}/([^/]+?)(?:--[A-Za-z]{{2}}(?:[-_][A-Za-z]{{2}})?(?:\.php)?|\.php)/?$",
        "RewriteCond ${pydiolinks:%1} ^(.+)$", "RewriteRule ^ %1? [R=301,L,NE]",
        "RewriteCond %{REQUEST_URI} ^(?:/.*?)?/ws-([^/]+)", "RewriteCond ${pydioslugs:%1}|%{REQUEST_SCHEME}://%{HTTP_HOST}/ws-%1/ !^([^|]+)\\|\\1$",
        "RewriteCond %{REQUEST_URI} ^(?:/.*?)?/ws-([^/]+)", "RewriteCond ${pydioslugs:%1} ^(.+)$",
        r"RewriteCond %1|%{THE_REQUEST} ^([^|]+)\|\S+\s[^?\s]*?/ws-[^/?\s]+/?([^?\s]*)", "RewriteRule ^ %1%2? [R=301,L,NE]",
        "RewriteCond %{QUERY_STRING} (?:^|&)(?:goto|repository_id)=(?:/|%2[Ff])?([^&/%]+)", "RewriteCond ${pydioids:%1} ^(.+)$",
        "RewriteRule ^ %1? [R=301,L,NE]", ""])


def apache_table(rows: dict[str, str]) -> str:
    """A RewriteMap of type txt; keys cannot hold blanks."""
    return "".join(f"{key} {target}\n" for key, target in sorted(rows.items()) if not re.search(r"\s", key) and not key.startswith("#"))


def caddy(found: Redirects) -> str:
    """For the site block of the old host (Caddy 2)."""
    def table(source: str, name: str, values: dict[str, str]) -> list[str]:
        return [f"map {{{source}}} {{{name}}} {{", *(f"\t{_caddy_key(key)} {_caddy(target)}" for key, target in sorted(values.items())), '\tdefault ""', "}"]

    def part(source: str, name: str, pattern: str) -> list[str]:
        return [f"map {{{source}}} {{{name}}} {{", f'\t"~{pattern}" "${{1}}"', '\tdefault ""', "}"]

    language = "(?:--[A-Za-z][A-Za-z](?:[-_][A-Za-z][A-Za-z])?)?"
    here = '{scheme} + "://" + {hostport}'
    return "\n".join([
        "# Import this file in the site block that answers for the old address.",
        *part("path", "pydio_leaf", f"^{found.above}/([^/]+)/?$"), *part("pydio_leaf", "pydio_stem", f"^(.+?){language}(?:[.]php)?$"),
        *table("pydio_leaf", "pydio_exact", found.links), *table("pydio_stem", "pydio_close", found.links),
        *part("path", "pydio_slug", "^(?:/.*?)?/ws-([^/]+)"), *part("uri", "pydio_rest", "^(?:/[^?]*?)?/ws-[^/?]+/([^?]*)"),
        *table("pydio_slug", "pydio_by_slug", found.slugs),
        *part("query.goto", "pydio_goto", "^/?([^/]+)"), *table("pydio_goto", "pydio_by_goto", found.ids),
        *table("query.repository_id", "pydio_by_id", found.ids),
        f'@pydiogone expression `{{pydio_exact}} == "{GONE}" || ({{pydio_exact}} == "" && {{pydio_close}} == "{GONE}")`', "respond @pydiogone 410",
        f'@pydioexact expression `{{pydio_exact}} != "" && {{pydio_exact}} != "{GONE}" && {{pydio_exact}} != {here} + {{path}}`',
        "redir @pydioexact {pydio_exact} 301",
        f'@pydioclose expression `{{pydio_exact}} == "" && {{pydio_close}} != "" && {{pydio_close}} != "{GONE}"`', "redir @pydioclose {pydio_close} 301",
        f'@pydioslug expression `{{pydio_by_slug}} != "" && {{pydio_by_slug}} != {here} + "/ws-" + {{pydio_slug}} + "/"`',
        "redir @pydioslug {pydio_by_slug}{pydio_rest} 301",
        '@pydiogoto expression `{pydio_by_goto} != ""`', "redir @pydiogoto {pydio_by_goto} 301",
        '@pydioid expression `{pydio_by_id} != ""`', "redir @pydioid {pydio_by_id} 301", ""])


def _caddy(text: str) -> str:
    """A quoted word: only quotes are escaped, a backslash stands for itself."""
    return '"' + text.replace('"', '\\"') + '"'


def _caddy_key(text: str) -> str:
    """A key of a map: `default` and `~` in front mean something, so such names are written as expressions."""
    if text == "default" or text[:1] == "~":
        text = "~^" + "".join(c if c.isalnum() or ord(c) > 127 else f"[{c}]" if c not in "^\\]" else "\\" + c for c in text) + "$"
    return _caddy(text)
