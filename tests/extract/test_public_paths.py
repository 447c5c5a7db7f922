"""Where else were links reached? By the options of the old server."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from migrate.extract.links import public_paths


@pytest.mark.parametrize(("options", "paths"), [
    ({}, ()), ({"PUBLIC_BASEURI": "/public"}, ()), ({"PUBLIC_BASEURI": "share/"}, ("/share",)),
    ({"PUBLIC_DOWNLOAD_FOLDER": "AJXP_INSTALL_PATH/data/public"}, ("/data/public",)), ({"PUBLIC_DOWNLOAD_FOLDER": "/srv/links"}, ()),
    ({"PUBLIC_DOWNLOAD_URL": "https://dl.example.org/"}, ("/",)), ({"PUBLIC_DOWNLOAD_URL": "https://example.org/a/dl?x=1"}, ("/a/dl",)),
    ({"PUBLIC_BASEURI": "/s", "PUBLIC_DOWNLOAD_URL": "https://example.org/s"}, ("/s",))])
def test_options_name_the_places_of_links(options: dict[str, str], paths: tuple[str, ...]) -> None:
    context = SimpleNamespace(plugin_option=lambda plugin, name: options.get(name) if plugin == "core.ajaxplorer" else None)
    assert public_paths(context) == paths
