"""
S3 as the sandbox needs it: buckets, objects, conditional writes and lists.

moto's S3 (5.2.5) does this too, but lets every account into every bucket, whoever is expected to
own it, and reads the whole bucket for each list: a demo of 60 days takes it 1.4 times as long.
docs/decisions/0032 has the whole list.

Sources are pages of https://docs.aws.amazon.com/AmazonS3/latest/API/.
"""

import hashlib
import io
import json
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from keyturn_sandbox.emulator.bucket_rules import is_denied
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, Params

_LARGEST_PAGE = 1000  # API_ListObjectsV2.html, MaxKeys
_METADATA = "x-amz-meta-"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object, and what was said of it when it was put."""

    body: bytes = field(repr=False)
    written: datetime
    content_type: str
    metadata: Mapping[str, str]

    @property
    def etag(self) -> str:
        """The MD5 of its bytes, in hex and in quotes, as S3 gives it for an object in one part."""
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'

    @property
    def headers(self) -> dict[str, str]:
        """What HeadObject and GetObject answer of it: HTTP header → value."""
        return {
            "ETag": self.etag,
            "Last-Modified": format_datetime(self.written, usegmt=True),
            "Content-Type": self.content_type,
            "Content-Length": str(len(self.body)),
            **{f"{_METADATA}{name}": value for name, value in self.metadata.items()},
        }


@dataclass(slots=True, kw_only=True)
class Bucket:
    """A bucket; its names are in the order of their bytes, as S3 lists them."""

    owner: str
    lets_everybody_in: bool = False
    policy: Mapping[str, Any] | None = None
    objects: dict[str, StoredObject] = field(default_factory=dict)


class Buckets:
    """Answers the calls about buckets and objects."""

    def __init__(self) -> None:
        self.buckets: dict[str, Bucket] = {}

    def answers(self) -> Mapping[str, Callable[[ApiRequest], ApiResponse]]:
        """The calls that are answered here: operation → what answers it."""
        return {
            "CreateBucket": self._create_bucket,
            "HeadBucket": self._head_bucket,
            "PutBucketPolicy": self._put_policy,
            "PutObject": self._put_object,
            "GetObject": self._get_object,
            "HeadObject": self._head_object,
            "DeleteObject": self._delete_object,
            "DeleteObjects": self._delete_objects,
            "ListObjectsV2": self._list_objects,
            "ListObjectVersions": self._list_versions,
        }

    def _create_bucket(self, request: ApiRequest) -> ApiResponse:
        name = request.params["Bucket"]
        if name in self.buckets:
            raise ApiError("BucketAlreadyExists", "The requested bucket name is taken.", 409)
        self.buckets[name] = Bucket(owner=request.account)
        return _answer(request, headers={"Location": f"/{name}"})

    def _head_bucket(self, request: ApiRequest) -> ApiResponse:
        self._bucket(request)
        return _answer(request)

    def _put_policy(self, request: ApiRequest) -> ApiResponse:
        self._bucket(request).policy = json.loads(_body_of(request))
        return _answer(request, status=204)

    def _put_object(self, request: ApiRequest) -> ApiResponse:
        objects, name = self._bucket(request).objects, request.params["Key"]
        _check_conditions(request.params, objects.get(name))
        stored = StoredObject(
            body=_body_of(request),
            written=request.at.replace(microsecond=0),
            content_type=request.params.get("ContentType", "binary/octet-stream"),
            metadata=_metadata_of(request),
        )
        objects[name] = stored
        return _answer(request, headers={"ETag": stored.etag}, result={"ETag": stored.etag})

    def _get_object(self, request: ApiRequest) -> ApiResponse:
        if "Range" in request.params:
            raise NotImplementedError("the sandbox gives whole objects only")
        found = self._bucket(request).objects.get(request.params["Key"])
        if found is None:
            raise ApiError("NoSuchKey", "The specified key does not exist.", 404)
        return _answer(request, found.body, found.headers)

    def _head_object(self, request: ApiRequest) -> ApiResponse:
        found = self._bucket(request).objects.get(request.params["Key"])
        if found is None:
            # API_HeadObject.html: "A HEAD request [...] response doesn't include a body".
            raise ApiError("404", "Not Found", 404)
        return _answer(request, headers=found.headers)

    def _delete_object(self, request: ApiRequest) -> ApiResponse:
        # API_DeleteObject.html: what is not there counts as deleted.
        objects = self._bucket(request).objects
        _check_conditions(request.params, objects.get(request.params["Key"]))
        objects.pop(request.params["Key"], None)
        return _answer(request, status=204)

    def _delete_objects(self, request: ApiRequest) -> ApiResponse:
        # API_DeleteObjects.html: with Quiet it names only what failed; here nothing does.
        objects = self._bucket(request).objects
        for each in ET.fromstring(_body_of(request)).iter():  # noqa: S314 -- botocore wrote it
            if each.tag.rpartition("}")[2] == "Key":
                objects.pop(each.text or "", None)
        return _answer(request, b"<DeleteResult></DeleteResult>")

    def _list_versions(self, request: ApiRequest) -> ApiResponse:
        """List the one version that each object of a bucket without versioning has."""
        # API_ListObjectVersions.html; such a version's id is "null":
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
        prefix, objects = request.params.get("Prefix", ""), self._bucket(request).objects
        listed = "".join(
            f"<Version><Key>{quote(name)}</Key><VersionId>null</VersionId></Version>"
            for name in sorted(objects, key=str.encode)
            if name.startswith(prefix)
        )
        return _answer(
            request,
            (
                "<ListVersionsResult><EncodingType>url</EncodingType>"
                f"<IsTruncated>false</IsTruncated>{listed}</ListVersionsResult>"
            ).encode(),
        )

    def _list_objects(self, request: ApiRequest) -> ApiResponse:
        params, objects = request.params, self._bucket(request).objects
        prefix = params.get("Prefix", "")
        after = params.get("ContinuationToken") or params.get("StartAfter", "")
        names = sorted((name for name in objects if name.startswith(prefix)), key=str.encode)
        names = names[bisect_right(names, after.encode(), key=str.encode) :]
        entries = _rolled_up(names, prefix, params.get("Delimiter"))
        size = min(int(params.get("MaxKeys", _LARGEST_PAGE)), _LARGEST_PAGE)
        page = list(entries)[:size]
        is_truncated = len(entries) > size
        encoding = params.get("EncodingType", "")
        spell = quote if encoding == "url" else escape
        listed = "".join(
            f"<CommonPrefixes><Prefix>{spell(entry)}</Prefix></CommonPrefixes>"
            if entry not in objects
            else _listed(spell(entry), objects[entry])
            for entry in page
        )
        next_token = escape(entries[page[-1]]) if is_truncated else ""
        return _answer(
            request,
            (
                f"<ListBucketResult><Name>{params['Bucket']}</Name>"
                f"<EncodingType>{encoding}</EncodingType>"
                f"<Prefix>{spell(prefix)}</Prefix><MaxKeys>{size}</MaxKeys>"
                f"<KeyCount>{len(page)}</KeyCount>"
                f"<IsTruncated>{str(is_truncated).lower()}</IsTruncated>"
                f"<NextContinuationToken>{next_token}</NextContinuationToken>"
                f"{listed}</ListBucketResult>"
            ).encode(),
        )

    def _bucket(self, request: ApiRequest) -> Bucket:
        bucket = self.buckets.get(request.params["Bucket"])
        if bucket is None:
            raise ApiError("NoSuchBucket", "The specified bucket does not exist", 404)
        if request.params.get("ExpectedBucketOwner", bucket.owner) != bucket.owner:
            # "the request fails with [...] 403 Forbidden (access denied)":
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
            raise ApiError("AccessDenied", "Access Denied", 403)
        if bucket.owner != request.account and not bucket.lets_everybody_in:
            # Without a policy that lets others in, and there is none here, only the owner's
            # account gets in:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-management.html
            raise ApiError("AccessDenied", "Access Denied", 403)
        if bucket.policy is not None and is_denied(bucket.policy, request):
            raise ApiError("AccessDenied", "Access Denied", 403)
        return bucket


def _check_conditions(params: Params, existing: StoredObject | None) -> None:
    """
    Refuse a conditional write or delete whose condition does not hold.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
    """
    if params.get("IfNoneMatch") == "*" and existing is not None:
        raise _precondition_failed()
    if wanted := params.get("IfMatch"):
        if existing is None:
            raise ApiError("NoSuchKey", "The specified key does not exist.", 404)
        if wanted.strip('"') != existing.etag.strip('"'):
            raise _precondition_failed()


def _precondition_failed() -> ApiError:
    message = "At least one of the pre-conditions you specified did not hold"
    return ApiError("PreconditionFailed", message, 412)


def _rolled_up(names: list[str], prefix: str, delimiter: str | None) -> dict[str, str]:
    """Give what a list shows of names, and the last name that each of its entries stands for."""
    entries: dict[str, str] = {}
    for name in names:
        rest = name[len(prefix) :]
        folder, found, _ = rest.partition(delimiter) if delimiter else (rest, "", "")
        entries[f"{prefix}{folder}{found}"] = name
    return entries


def _listed(name: str, stored: StoredObject) -> str:
    return (
        f"<Contents><Key>{name}</Key><Size>{len(stored.body)}</Size>"
        f"<LastModified>{stored.written:%Y-%m-%dT%H:%M:%SZ}</LastModified>"
        f"<ETag>{escape(stored.etag)}</ETag><StorageClass>STANDARD</StorageClass></Contents>"
    )


def _body_of(request: ApiRequest) -> bytes:
    body: Any = request.http.body
    content: bytes = body.read() if hasattr(body, "read") else body or b""
    is_chunked = "aws-chunked" in request.params.get("ContentEncoding", "")
    return _unchunked(content) if is_chunked else content


def _unchunked(content: bytes) -> bytes:
    """
    Put together a body that came in chunks, each behind its length.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
    """
    stream, body = io.BytesIO(content), b""
    while length := int(stream.readline().split(b";")[0], 16):
        body += stream.read(length)
        stream.readline()
    return body


def _metadata_of(request: ApiRequest) -> dict[str, str]:
    return {
        name[len(_METADATA) :]: value.decode() if isinstance(value, bytes) else value
        for name, value in request.http.headers.items()
        if name.lower().startswith(_METADATA)
    }


def _answer(
    request: ApiRequest,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    status: int = 200,
    result: Params | None = None,
) -> ApiResponse:
    return ApiResponse(
        status=status,
        body=body,
        headers={
            **(headers or {}),
            "x-amz-request-id": request.request_id,
            "Date": format_datetime(request.at, usegmt=True),
        },
        result=result or {},
    )
