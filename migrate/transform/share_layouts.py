"""Which page does a link get? The old layouts and those of Cells."""

from __future__ import annotations

from collections.abc import Mapping

FOLDER, GALLERY, FILE, DOWNLOAD, DROP_BOX = ("pydio_shared_folder", "pydio_film_strip", "pydio_unique_strip", "pydio_unique_dl", "pydio_dropbox_template")
KNOWN = (FOLDER, GALLERY, FILE, DOWNLOAD, DROP_BOX)

_OLD = {
    "ajxp_shared_folder": FOLDER,
    "ajxp_embed_template": FOLDER,
    "ajxp_film_strip": GALLERY,
    "ajxp_unique_strip": FILE,
    "ajxp_unique_dl": DOWNLOAD,
    "ajxp_dropbox_template": DROP_BOX,
}


def template_of(layout: str | None, is_file: bool, permissions: frozenset[str], mapped: Mapping[str, str]) -> tuple[str, bool]:
    """(template of Cells, whether the old layout was known). A layout that does not fit what the link gives (an upload page
    on a link that only reads) is replaced: the page would be useless."""
    wanted = mapped.get(layout or "") or _OLD.get(layout or "")
    usual = DROP_BOX if permissions == {"Upload"} else (DOWNLOAD if permissions == {"Download"} else FILE) if is_file else FOLDER
    if wanted is None:
        return usual, not layout
    fits = {DROP_BOX: "Upload" in permissions and not is_file, FILE: is_file, DOWNLOAD: is_file and "Download" in permissions,
            FOLDER: not is_file and bool(permissions & {"Preview", "Download"}), GALLERY: not is_file and bool(permissions & {"Preview", "Download"})}
    return (wanted, True) if fits.get(wanted, True) else (usual, True)
