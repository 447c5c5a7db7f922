"""Was this S3 request signed with the gateway's public pair? Signature version 4, in headers or in the URL."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime, timezone
from urllib.parse import quote

SKEW_SECONDS = 900


def skewed(stamp: str, now: float) -> bool:
    """Whether the date of a signed request (`20260131T235959Z`) is too far from the server's clock. It is checked for every access key,
    also for tokens, whose signature itself is not: a machine with a wrong clock cannot upload."""
    try:
        at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return False
    return abs(at - now) > SKEW_SECONDS


def _key(secret: str, day: str, region: str, service: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def verified(method: str, raw_path: str, query: dict[str, str], headers: dict[str, str], secret: str) -> bool:
    """Whether the signature fits. `raw_path` is the path as it came, still encoded; unknown query parameters that were added
    after signing (`pydio_jwt`) are left out, as the server does."""
    if "X-Amz-Signature" in query:
        credential, signed = query.get("X-Amz-Credential", ""), query.get("X-Amz-SignedHeaders", "host")
        given, stamp, payload = query["X-Amz-Signature"], query.get("X-Amz-Date", ""), query.get("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
        used = {k: v for k, v in query.items() if k not in ("X-Amz-Signature", "pydio_jwt")}
    else:
        authorization = headers.get("authorization", "")
        parts = dict(re.findall(r"(Credential|SignedHeaders|Signature)=([^,\s]+)", authorization))
        credential, signed, given = parts.get("Credential", ""), parts.get("SignedHeaders", ""), parts.get("Signature", "")
        stamp = headers.get("x-amz-date", "")
        payload = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        used = query
    scope = credential.split("/")[1:]
    if len(scope) != 4 or not given:
        return False
    names = signed.split(";")
    canonical_headers = "".join(f"{n}:{' '.join(headers.get(n, '').split())}\n" for n in names)
    canonical_query = "&".join(sorted(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in used.items()))
    request = "\n".join((method, raw_path, canonical_query, canonical_headers, signed, payload))
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, "/".join(scope), hashlib.sha256(request.encode()).hexdigest()))
    expected = hmac.new(_key(secret, *scope[:3]), text.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, given)
