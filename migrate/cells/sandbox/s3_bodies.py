"""What does the body of a request to the S3 gateway say?"""

from __future__ import annotations

import re
from collections.abc import Iterable


def listed_parts(xml: str) -> list[tuple[str, str]]:
    """Number and Etag of each part that closes an upload, both as text."""
    found = []
    for part in re.findall(r"<Part>(.*?)</Part>", xml, re.DOTALL):
        number = re.search(r"<PartNumber>\s*(\d+)\s*</PartNumber>", part)
        etag = re.search(r"<ETag>\s*(.*?)\s*</ETag>", part)
        if number and etag:
            found.append((number.group(1), etag.group(1).replace("&quot;", "").replace("&#34;", "")))
    return found


def unchunk(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """Bytes of an `aws-chunked` body (with or without signatures and trailers)."""
    buffer = b""
    source = iter(chunks)

    def more() -> bool:
        nonlocal buffer
        chunk = next(source, None)
        if chunk is None:
            return False
        buffer += chunk
        return True

    while True:
        while b"\r\n" not in buffer:
            if not more():
                return
        line, _, buffer = buffer.partition(b"\r\n")
        size = int(line.split(b";")[0] or b"0", 16)
        if size == 0:
            return
        while len(buffer) < size + 2:
            if not more():
                break
        yield buffer[:size]
        buffer = buffer[size + 2:]
