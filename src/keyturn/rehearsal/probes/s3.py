"""What Keyturn relies on of the bucket."""

from collections.abc import Callable
from typing import Any, Final

from keyturn.rehearsal.model.verdict import NotTried
from keyturn.rehearsal.probes.bench import (
    Bench,
    date_of,
    expect,
    off_by,
    refusal,
)
from keyturn.rehearsal.probes.probe import Probe, Unprobed

_API: Final = "https://docs.aws.amazon.com/AmazonS3/latest/API"
_GUIDE: Final = "https://docs.aws.amazon.com/AmazonS3/latest/userguide"
_PRECONDITION: Final = ["PreconditionFailed"]
_NOBODY: Final = "000000000000"
_CLOCKS_AGREE: Final = 5.0
"""Seconds between an object's time and the Date of the answer to its PUT."""
_FIRST: Final = b"first"
_SECOND: Final = b"second"
_PUT: Final = "s3:PutObject"
_GET: Final = "s3:GetObject"
_LIST: Final = "s3:ListBucket"


def _if_none_match(bench: Bench) -> str:
    put, s3, place = _object(bench, "if-none-match")
    put(_FIRST, IfNoneMatch="*")
    code = refusal(
        lambda: put(_SECOND, IfNoneMatch="*"), _PRECONDITION, "a second PUT with If-None-Match"
    )
    expect(s3.get_object(**place)["Body"].read() == _FIRST, "the refused PUT replaced the object")
    return f"{code}; the first object is kept"


def _if_match(bench: Bench) -> str:
    put, s3, place = _object(bench, "if-match")
    first = put(_FIRST)["ETag"]
    second = put(_SECOND, IfMatch=first)["ETag"]
    code = refusal(
        lambda: put(_FIRST, IfMatch=first), _PRECONDITION, "a PUT over what has changed"
    )
    refusal(
        lambda: s3.delete_object(**place, IfMatch=first),
        _PRECONDITION,
        "a DELETE of what has changed",
    )
    expect(s3.head_object(**place)["ETag"] == second, "a refused call changed the object")
    s3.delete_object(**place, IfMatch=second)
    return f"PUT and DELETE of what has changed: {code}"


def _last_modified(bench: Bench) -> str:
    put, s3, place = _object(bench, "last-modified")
    told_at = date_of(put(_FIRST))
    apart = off_by(s3.head_object(**place)["LastModified"], told_at)
    expect(apart <= _CLOCKS_AGREE, f"LastModified is {apart:.0f} s off the Date of the PUT")
    return f"{apart:.0f} s between LastModified and Date"


def _listed_at_once(bench: Bench) -> str:
    put, s3, place = _object(bench, "listed-at-once")
    put(_FIRST)
    listed = s3.list_objects_v2(Bucket=place["Bucket"], Prefix=place["Key"])
    expect(listed.get("KeyCount") == 1, "an object is not listed at once after its PUT")
    expect(listed["Contents"][0]["Size"] == len(_FIRST), "the list tells another size")
    s3.delete_object(**place)
    listed = s3.list_objects_v2(Bucket=place["Bucket"], Prefix=place["Key"])
    expect(listed.get("KeyCount") == 0, "an object is listed after its DELETE")
    return "listed at once, and gone at once"


def _list_order(bench: Bench) -> str:
    put, s3, place = _object(bench, "list-order/")
    names = ["b", "a/2", "a/1", "B", "ä"]
    for name in names:
        put(_FIRST, Key=f"{place['Key']}{name}")
    found, more = list[str](), dict[str, Any]()
    while True:
        page = s3.list_objects_v2(Bucket=place["Bucket"], Prefix=place["Key"], MaxKeys=2, **more)
        found += [each["Key"].removeprefix(place["Key"]) for each in page.get("Contents", [])]
        if not page["IsTruncated"]:
            break
        more = {"ContinuationToken": page["NextContinuationToken"]}
    expect(found == sorted(names, key=str.encode), f"listed as {', '.join(found)}")
    behind = s3.list_objects_v2(
        Bucket=place["Bucket"], Prefix=place["Key"], StartAfter=f"{place['Key']}a/1"
    )
    first = behind["Contents"][0]["Key"].removeprefix(place["Key"])
    expect(first == "a/2", f"the list after a/1 begins with {first}")
    return f"{len(names)} names by the order of their bytes, two a page"


def _not_there(bench: Bench) -> str:
    _, s3, place = _object(bench, "not-there")
    s3.list_objects_v2(Bucket=place["Bucket"], Prefix=place["Key"])
    s3.delete_object(**place)
    return refusal(lambda: s3.get_object(**place), ["NoSuchKey"], "an object that is not there")


def _bucket_owner(bench: Bench) -> str:
    _, s3, place = _object(bench, "bucket-owner")
    asked = {"Bucket": place["Bucket"], "Prefix": place["Key"]}
    s3.list_objects_v2(**asked)
    return refusal(
        lambda: s3.list_objects_v2(**asked, ExpectedBucketOwner=_NOBODY),
        ["AccessDenied"],
        "a bucket that another account should own",
    )


def _object(bench: Bench, what: str) -> tuple[Callable[..., Any], Any, dict[str, str]]:
    """What puts an object, S3's client, the object's place. Raises NotTried without a bucket."""
    if bench.bucket is None:
        raise NotTried("no bucket is given (--bucket)")
    s3 = bench.client("s3")
    place = {"Bucket": bench.bucket, "Key": f"{bench.id.folder}/{what}"}

    def put(body: bytes, **more: str) -> Any:  # noqa: ANN401 -- boto3's own form
        return s3.put_object(**{**place, **more}, Body=body)

    return put, s3, place


PROBES: Final = (
    Probe(
        name="if-none-match",
        claim="A PUT with `If-None-Match: *` over an object is refused with 412",
        source=f"{_GUIDE}/conditional-writes.html",
        rests_on_it=("0026", "adapters/s3_receipts.py", "adapters/s3_pause_flag.py"),
        otherwise="A mail could be sent twice; audit entries could be replaced",
        actions=(_PUT, _GET),
        run=_if_none_match,
    ),
    Probe(
        name="if-match",
        claim="A PUT or DELETE with `If-Match` of what has changed is refused with 412",
        source=f"{_GUIDE}/conditional-deletes.html",
        rests_on_it=("adapters/s3_receipts.py", "adapters/s3_conversations.py"),
        otherwise="Somebody's claim or receipt could be taken away by another",
        actions=(_PUT, _GET, "s3:DeleteObject"),
        run=_if_match,
    ),
    Probe(
        name="last-modified",
        claim="`LastModified` is S3's own time of the PUT",
        source=f"{_GUIDE}/UsingMetadata.html",
        rests_on_it=("adapters/s3_receipts.py", "adapters/s3_ledger.py"),
        otherwise="A window could begin by the clock of whoever wrote the receipt",
        actions=(_PUT, _GET),
        run=_last_modified,
    ),
    Probe(
        name="listed-at-once",
        claim="An object is in the list at once after its PUT, and gone at once after its DELETE",
        source=f"{_GUIDE}/Welcome.html#ConsistencyModel",
        rests_on_it=("0014", "0019", "adapters/s3_ledger.py"),
        otherwise="Two runs could both miss each other, and end more keys than the cap allows",
        actions=(_PUT, _LIST, "s3:DeleteObject"),
        run=_listed_at_once,
    ),
    Probe(
        name="list-order",
        claim=(
            "Lists come in the order of the names' bytes, whole over all pages, and begin behind"
            " `StartAfter`"
        ),
        source=f"{_API}/API_ListObjectsV2.html",
        rests_on_it=("0077", "adapters/s3_folders_ahead.py"),
        otherwise="A receipt could be missed: its key would wait",
        actions=(_PUT, _LIST),
        run=_list_order,
    ),
    Probe(
        name="not-there",
        claim=(
            "To whoever may list, an object that is not there is `NoSuchKey`; deleting it is no "
            "error"
        ),
        source=f"{_API}/API_GetObject.html",
        rests_on_it=("adapters/aws_errors.py", "adapters/s3_snapshots.py"),
        otherwise="Nobody could tell 'not there' from 'denied': Keyturn would wait",
        actions=(_LIST, _GET, "s3:DeleteObject"),
        run=_not_there,
    ),
    Probe(
        name="bucket-owner",
        claim="`ExpectedBucketOwner` refuses a bucket of another account",
        source=f"{_GUIDE}/bucket-owner-condition.html",
        rests_on_it=("0026", "adapters/clients.py"),
        otherwise="Whoever takes the bucket's name after it was deleted could supply receipts",
        actions=(_LIST,),
        run=_bucket_owner,
    ),
)

UNPROBED: Final = (
    Unprobed(
        name="bucket-policy-binds",
        claim="A denial in the bucket's policy binds the account's administrators, too",
        source=f"{_GUIDE}/conditional-writes-enforce.html",
        rests_on_it=("0026",),
        otherwise="An administrator could forge receipts and audit entries",
        why="it would change the policy of a bucket that others use; `keyturn doctor` compares it",
    ),
    Unprobed(
        name="write-conflict",
        claim="Of two conditional PUTs at the same moment one is refused (412 or 409)",
        source=f"{_GUIDE}/conditional-writes.html",
        rests_on_it=("adapters/aws_errors.py",),
        otherwise="A mail could be sent twice",
        why="two requests cannot be made to meet by a script",
    ),
)
