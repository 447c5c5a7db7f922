"""What the loader relies on about folders and files. Asked of the stand-in, and of a real Cells when one is named (CELLS_URL, CELLS_TOKEN)."""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from contract.target import Target, cells_hash


def test_creating_a_folder_makes_its_parents_and_is_idempotent(cells: Target) -> None:
    first, second = cells.folder("été/a+b"), cells.folder("été/a+b")
    assert first["Uuid"] == second["Uuid"]
    assert cells.stat(f"common-files/{cells.prefix}/été") == 200


def test_missing_nodes_are_skipped_in_bulk_and_404_as_a_listing(cells: Target) -> None:
    cells.folder()
    base = "common-files/" + cells.prefix
    assert cells.ok("POST", "/a/tree/stats", {"NodePaths": [base + "/none"]}) == {}
    assert cells.call("POST", "/a/tree/stats", {"NodePaths": [base + "/none/*"]}).status_code == 404
    assert cells.call("POST", "/a/tree/admin/list", {"Node": {"Path": f"pydiods1/{cells.prefix}/none"}}).status_code == 404


def test_an_upload_answers_the_md5_and_keeps_the_uuid_when_replaced(cells: Target) -> None:
    cells.folder()
    key, s3 = f"common-files/{cells.prefix}/sub/ä b.txt", cells.s3()
    uuids = set()
    for data in (b"one", b"second"):
        assert s3.put_object(Bucket="io", Key=key, Body=data)["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
        node = cells.ok("GET", "/a/tree/stat/" + requests.utils.quote(key))["Node"]
        uuids.add(node["Uuid"])
        assert (node["Size"], node["Etag"]) == (str(len(data)), hashlib.md5(data).hexdigest())
        assert s3.get_object(Bucket="io", Key=key)["Body"].read() == data
    assert len(uuids) == 1


def test_the_content_hash_of_a_multipart_upload_with_ten_mebibyte_parts(cells: Target) -> None:
    cells.folder()
    key, s3 = f"common-files/{cells.prefix}/big.bin", cells.s3()
    data = os.urandom(10 * 1024 * 1024) + os.urandom(1024 * 1024)
    upload = s3.create_multipart_upload(Bucket="io", Key=key)["UploadId"]
    parts = []
    for number, part in enumerate((data[:10 * 1024 * 1024], data[10 * 1024 * 1024:]), 1):
        parts.append({"PartNumber": number, "ETag": s3.upload_part(Bucket="io", Key=key, UploadId=upload, PartNumber=number, Body=part)["ETag"]})
    s3.complete_multipart_upload(Bucket="io", Key=key, UploadId=upload, MultipartUpload={"Parts": parts})

    def meta() -> dict[str, Any]:
        return cells.ok("GET", "/a/tree/stat/" + key)["Node"]

    assert cells.eventually(lambda: meta()["MetaStore"].get("x-cells-hash") == f'"{cells_hash(data)}"')
    assert meta()["Size"] == str(len(data)) and meta()["Etag"].endswith("-2")
    assert s3.get_object(Bucket="io", Key=key, Range="bytes=10485758-10485761")["Body"].read() == data[10485758:10485762]


def test_an_empty_file_has_no_size_and_its_own_etag(cells: Target) -> None:
    cells.folder()
    cells.s3().put_object(Bucket="io", Key=f"common-files/{cells.prefix}/empty", Body=b"")
    node = cells.ok("GET", f"/a/tree/stat/common-files/{cells.prefix}/empty")["Node"]
    assert "Size" not in node and node["Etag"] == "59adb24ef3cdbe0297f05b395827453f-1"


def _signed(cells: Target, body: bytes, at: datetime) -> dict[str, str]:
    """Headers as a client makes them for a token as the access key, with any secret."""
    day, stamp = at.strftime("%Y%m%d"), at.strftime("%Y%m%dT%H%M%SZ")
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={cells.token}/{day}/us-east-1/s3/aws4_request, "
                             f"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={'0' * 64}",
            "X-Amz-Date": stamp, "X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest()}


def test_a_machine_with_a_wrong_clock_cannot_upload(cells: Target) -> None:
    cells.folder()
    key = f"common-files/{cells.prefix}/late.txt"
    late = datetime.now(timezone.utc) - timedelta(hours=1)
    answer = cells.http.put(f"{cells.url}/io/{key}", data=b"this", headers=_signed(cells, b"this", late), timeout=60)
    assert answer.status_code == 403 and "RequestTimeTooSkewed" in answer.text
    assert cells.stat(key) == 404


def test_an_upload_that_is_not_what_was_signed_is_503_and_stores_nothing(cells: Target) -> None:
    cells.folder()
    key = f"common-files/{cells.prefix}/bad.txt"
    answer = cells.http.put(f"{cells.url}/io/{key}", data=b"this", headers=_signed(cells, b"other", datetime.now(timezone.utc)), timeout=60)
    assert answer.status_code == 503 and "ETag" not in answer.headers
    assert cells.stat(key) == 404


def test_uploads_to_what_one_cannot_see_are_no_such_key(cells: Target) -> None:
    with pytest.raises(Exception, match="NoSuchKey"):
        cells.s3().put_object(Bucket="io", Key=cells.name("nowhere") + "/x.txt", Body=b"x")


def test_names_are_stored_in_composed_form(cells: Target) -> None:
    cells.folder()
    cells.s3().put_object(Bucket="io", Key=f"common-files/{cells.prefix}/e\u0301.txt", Body=b"x")
    names = [n["Path"].rpartition("/")[2] for n in cells.ok("POST", "/a/tree/stats", {"NodePaths": [f"common-files/{cells.prefix}/*"]})["Nodes"]]
    assert names == ["\u00e9.txt"]


def test_a_deleted_file_goes_to_the_recycle_bin_of_its_root(cells: Target) -> None:
    root = cells.folder("ws")
    workspace, role = cells.workspace("ws", root)["UUID"], cells.role("r")
    cells.grant(role, workspace, root["Uuid"], "read", "write")
    token = cells.token_of(cells.user("u", Roles=[{"Uuid": role}])["Login"])
    assert cells.eventually(lambda: cells.stat(workspace, token) == 200)
    cells.s3(token).put_object(Bucket="io", Key=workspace + "/gone.txt", Body=b"x")
    cells.ok("POST", "/a/tree/delete", {"Nodes": [{"Path": workspace + "/gone.txt"}]}, token)
    assert cells.eventually(lambda: cells.stat(workspace + "/recycle_bin/gone.txt", token) == 200, 30)
    assert cells.stat(workspace + "/gone.txt", token) == 404


def test_a_part_with_a_checksum_in_its_header_is_refused_where_a_whole_object_takes_it(cells: Target) -> None:
    cells.folder()
    key, s3, data = f"common-files/{cells.prefix}/sums.bin", cells.s3(), b"x" * 1000
    checksum = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    upload = s3.create_multipart_upload(Bucket="io", Key=key)["UploadId"]
    with pytest.raises(ClientError) as refused:
        s3.upload_part(Bucket="io", Key=key, UploadId=upload, PartNumber=1, Body=data, ContentMD5=checksum)
    s3.abort_multipart_upload(Bucket="io", Key=key, UploadId=upload)
    assert refused.value.response["Error"]["Code"] == "InvalidDigest"
    assert s3.put_object(Bucket="io", Key=key, Body=data, ContentMD5=checksum)["ETag"].strip('"') == hashlib.md5(data, usedforsecurity=False).hexdigest()


def test_a_listing_of_a_workspace_that_is_not_there_is_empty_and_no_error(cells: Target) -> None:
    answer = _listing(cells, "/io/", cells.name("nowhere") + "/")
    assert answer.status_code == 200 and "<KeyCount>0</KeyCount>" in answer.text and "<Contents>" not in answer.text


def test_the_bucket_itself_is_asked_for_with_a_slash_at_its_end(cells: Target) -> None:
    answer = _listing(cells, "/io", "common-files/")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/io/?list-type=2&prefix=common-files%2F")


def _listing(cells: Target, path: str, prefix: str) -> requests.Response:
    return cells.http.get(cells.url + path, params={"list-type": "2", "prefix": prefix}, headers=_signed(cells, b"", datetime.now(timezone.utc)),
                          timeout=60, allow_redirects=False)
