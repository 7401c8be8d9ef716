"""What Keyturn relies on of Secrets Manager, and of KMS behind it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from keyturn.domain.secret_life import RECOVERY_WINDOW
from keyturn.domain.secret_names import version_id_for
from keyturn.rehearsal.model.verdict import Different
from keyturn.rehearsal.probes.bench import (
    PATIENCE,
    Bench,
    code_of,
    date_of,
    expect,
    off_by,
    refusal,
)
from keyturn.rehearsal.probes.probe import Probe, Unprobed

_API: Final = "https://docs.aws.amazon.com/secretsmanager/latest/apireference"
_GUIDE: Final = "https://docs.aws.amazon.com/secretsmanager/latest/userguide"
_SM: Final = "secretsmanager"
_MAKE: Final = ("secretsmanager:CreateSecret", "secretsmanager:TagResource")
_MADE_UP: Final = ("made-up value, first", "made-up value, second", "made-up value, third")
_TOKENS: Final = tuple(version_id_for(f"AKIAEXAMPLE{number}") for number in range(3))
_TAGS_PER_SECRET: Final = 50
_LONGEST_VALUE: Final = 256
_CLOCK_OFF: Final = 30.0
"""Seconds: by a clock that is further off, no key is made (docs/faults.md)."""
_CURRENT: Final = "AWSCURRENT"
_PREVIOUS: Final = "AWSPREVIOUS"
_EXISTS: Final = ["ResourceExistsException"]
_INVALID: Final = ["InvalidRequestException"]


def _token_is_version(bench: Bench) -> str:
    arn = bench.make_secret("token-is-version")
    answer = _put(bench, arn, 0)
    expect(answer["VersionId"] == _TOKENS[0], "the version has another id than the token")
    expect(set(_labels(bench, arn)) == {_TOKENS[0]}, "DescribeSecret shows another version")
    return "the token of 64 characters is the VersionId"


def _same_token(bench: Bench) -> str:
    arn = bench.make_secret("same-token")
    _put(bench, arn, 0)
    again = _put(bench, arn, 0)
    expect(again["VersionId"] == _TOKENS[0], "the same value again made another version")
    expect(len(_labels(bench, arn)) == 1, "the same value again made another version")
    code = refusal(
        lambda: _put(bench, arn, 0, _MADE_UP[1]), _EXISTS, "another value under the same token"
    )
    return f"the same value: one version; another: {code}"


def _labels_move(bench: Bench) -> str:
    arn = bench.make_secret("labels-move")
    _put(bench, arn, 0)
    expect(_labels(bench, arn) == {_TOKENS[0]: [_CURRENT]}, "the first value is not AWSCURRENT")
    _put(bench, arn, 1)
    second = {_TOKENS[0]: [_PREVIOUS], _TOKENS[1]: [_CURRENT]}
    expect(_labels(bench, arn) == second, "after a second value the labels stand elsewhere")
    _put(bench, arn, 2)
    third = {_TOKENS[1]: [_PREVIOUS], _TOKENS[2]: [_CURRENT]}
    expect(_labels(bench, arn) == third, "after a third value the labels stand elsewhere")
    return "AWSCURRENT and AWSPREVIOUS move; a version without a label is not described"


def _empty_secret(bench: Bench) -> str:
    arn = bench.make_secret("empty-secret")
    described = _describe(bench, arn)
    expect(not described.get("VersionIdsToStages"), "a secret without a value has a version")
    return "no version"


def _describe_tells_no_value(bench: Bench) -> str:
    arn = bench.make_secret("describe")
    _put(bench, arn, 0)
    described = _describe(bench, arn)
    expect(_MADE_UP[0] not in repr(described), "the value is in the answer")
    expect(_tags(described).items() >= bench.tags.items(), "tags are missing")
    expect("LastAccessedDate" not in _describe(bench, arn), "describing counts as reading")
    return "tags and labels, no value, no LastAccessedDate"


def _list_tells_record(bench: Bench) -> str:
    arn = bench.make_secret("list")
    _put(bench, arn, 0)

    def listed() -> Mapping[str, Any] | None:
        found = (each for each in _list(bench, "list") if each["ARN"] == arn)
        return next((each for each in found if each.get("SecretVersionsToStages")), None)

    entry, passed = bench.until(listed)
    if entry is None:
        return f"not yet listed after {passed:.0f} s"
    expect(
        entry["SecretVersionsToStages"] == {_TOKENS[0]: [_CURRENT]}, "other labels than described"
    )
    expect(_tags(entry).items() >= bench.tags.items(), "tags are missing")
    expect(_MADE_UP[0] not in repr(entry), "the value is in the list")
    return f"listed with tags and labels after {passed:.1f} s"


def _list_in_pages(bench: Bench) -> str:
    made = {bench.make_secret(f"pages-{number}") for number in range(3)}
    found, passed = bench.until(lambda: _whole(_list(bench, "pages-", MaxResults=1), made))
    if found is None:
        return f"not all listed yet after {passed:.0f} s"
    arns = [each["ARN"] for each in found if each["ARN"] in made]
    expect(len(arns) == len(made), "a secret came twice")
    return f"{len(made)} secrets, one a page, after {passed:.1f} s"


def _name_taken(bench: Bench) -> str:
    bench.make_secret("name-taken")
    return refusal(lambda: bench.make_secret("name-taken"), _EXISTS, "a name that is taken")


def _scheduled(bench: Bench) -> str:
    arn = bench.make_secret("scheduled")
    secrets = bench.client(_SM)
    secrets.delete_secret(SecretId=arn, RecoveryWindowInDays=RECOVERY_WINDOW)
    expect(bool(_describe(bench, arn).get("DeletedDate")), "DescribeSecret shows no DeletedDate")
    for call, what in (
        (lambda: _put(bench, arn, 0), "PutSecretValue"),
        (lambda: bench.make_secret("scheduled"), "CreateSecret under its name"),
    ):
        refusal(call, _INVALID, f"{what} while it is scheduled for deletion")
    secrets.restore_secret(SecretId=arn)
    expect(not _describe(bench, arn).get("DeletedDate"), "it is still scheduled when restored")
    _put(bench, arn, 0)
    return "refused while scheduled, works when restored"


def _new_arn(bench: Bench) -> str:
    first = bench.make_secret("new-arn")
    bench.client(_SM).delete_secret(SecretId=first, ForceDeleteWithoutRecovery=True)

    def made_again() -> str | None:
        try:
            return bench.make_secret("new-arn")
        except ClientError as error:
            if code_of(error) in {*_EXISTS, *_INVALID}:  # it is deleted some time later
                return None
            raise

    second, passed = bench.until(made_again)
    expect(second is not None, f"its name is still taken after {PATIENCE:.0f} s")
    expect(second != first, "it has the ARN of the one that was deleted")
    return f"another ARN; the name was free after {passed:.1f} s"


def _most_tags(bench: Bench) -> str:
    arn = bench.make_secret("most-tags")
    secrets = bench.client(_SM)
    rest = _TAGS_PER_SECRET - len(bench.tags)
    secrets.tag_resource(SecretId=arn, Tags=_numbered(rest))
    before = _tags(_describe(bench, arn))
    codes = ["InvalidParameterException", "LimitExceededException"]
    one_more = [{"Key": "one-more", "Value": ""}]
    code = refusal(lambda: secrets.tag_resource(SecretId=arn, Tags=one_more), codes, "a 51st tag")
    expect(_tags(_describe(bench, arn)) == before, "a refused tag changed others")
    return f"50 tags are taken, one more: {code}"


def _tag_values(bench: Bench) -> str:
    arn = bench.make_secret("tag-values")
    longest = "2026-03-02T05:00:00Z quiet=2026-03-12 user@example.com+_:/=.-".ljust(
        _LONGEST_VALUE, "x"
    )
    key = "keyturn:key:AKIAIOSFODNN7EXAMPLE"
    bench.client(_SM).tag_resource(SecretId=arn, Tags=[{"Key": key, "Value": longest}])
    expect(_tags(_describe(bench, arn)).get(key) == longest, "the value comes back changed")
    return f"{_LONGEST_VALUE} characters come back as they were"


def _untag_gone(bench: Bench) -> str:
    arn = bench.make_secret("untag-gone")
    bench.client(_SM).untag_resource(SecretId=arn, TagKeys=["keyturn:intent"])
    expect(_tags(_describe(bench, arn)) == dict(bench.tags), "other tags changed")
    return "no error, and no other tag changed"


def _no_policy(bench: Bench) -> str:
    arn = bench.make_secret("no-policy")
    answer = bench.client(_SM).get_resource_policy(SecretId=arn)
    expect(answer.get("ResourcePolicy") is None, "a new secret has a policy")
    return "a new secret has no ResourcePolicy"


def _date_header(bench: Bench) -> str:
    arn = bench.make_secret("date-header")
    before = bench.clock()
    told_at = date_of(bench.client(_SM).describe_secret(SecretId=arn))
    apart = off_by(told_at, before)
    expect(apart <= _CLOCK_OFF, f"the clock here is {apart:.0f} s off AWS's")
    return f"{apart:.0f} s between the Date of the answer and the clock here"


def _kms_refusal(bench: Bench) -> str:
    # Whoever may not store anything is refused by the same code as KMS refuses by.
    _put(bench, bench.make_secret("kms-control"), 0)
    # No key has this alias: to be refused by KMS nobody needs a key, which could not be deleted.
    nobodys = f"alias/{bench.named('no-key')}"
    try:
        arn = bench.make_secret("kms-refusal", KmsKeyId=nobodys)
    except ClientError as error:
        if code_of(error) in _BAD_KEY:
            said = f"the empty secret is refused already ({code_of(error)})"
            raise Different(f"{said}: then no key is made, and nothing is lost") from error
        raise
    codes = ["AccessDeniedException", *_BAD_KEY]
    code = refusal(lambda: _put(bench, arn, 0), codes, "a value that KMS cannot encrypt")
    expect(not _labels(bench, arn), "a value that was refused is stored")
    return f"the empty secret is made; its value: {code}, and no version"


_BAD_KEY: Final = [
    "EncryptionFailure",
    "InvalidRequestException",
    "InvalidParameterException",
    "ResourceNotFoundException",
    "KMSNotFoundException",
]


def _put(bench: Bench, arn: str, number: int, value: str | None = None) -> Mapping[str, Any]:
    """Store one of the made-up values under its token."""
    stored = _MADE_UP[number] if value is None else value
    answer: Mapping[str, Any] = bench.client(_SM).put_secret_value(
        SecretId=arn, ClientRequestToken=_TOKENS[number], SecretString=stored
    )
    return answer


def _describe(bench: Bench, arn: str) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = bench.client(_SM).describe_secret(SecretId=arn)
    return answer


def _labels(bench: Bench, arn: str) -> Mapping[str, Sequence[str]]:
    found: Mapping[str, Sequence[str]] = _describe(bench, arn).get("VersionIdsToStages", {})
    return found


def _list(bench: Bench, what: str, **more: object) -> Sequence[Mapping[str, Any]]:
    """The secrets whose names begin so, from page to page."""
    secrets, found, token = bench.client(_SM), list[Mapping[str, Any]](), dict[str, str]()
    while True:
        page = secrets.list_secrets(
            IncludePlannedDeletion=True,
            Filters=[{"Key": "name", "Values": [bench.named(what)]}],
            **token,
            **more,
        )
        found += page["SecretList"]
        if not page.get("NextToken"):
            return found
        expect(token.get("NextToken") != page["NextToken"], "a NextToken came twice")
        token = {"NextToken": page["NextToken"]}


def _whole(
    found: Sequence[Mapping[str, Any]], made: set[str]
) -> Sequence[Mapping[str, Any]] | None:
    return found if {each["ARN"] for each in found} >= made else None


def _tags(secret: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in secret.get("Tags", [])}


def _numbered(count: int) -> list[dict[str, str]]:
    return [{"Key": f"number-{number}", "Value": "x"} for number in range(count)]


_DESCRIBE: Final = "secretsmanager:DescribeSecret"
_PUT: Final = "secretsmanager:PutSecretValue"

PROBES: Final = (
    Probe(
        name="token-is-version",
        claim="`ClientRequestToken` becomes the version's id",
        source=f"{_API}/API_PutSecretValue.html",
        rests_on_it=("0003", "domain/secret_names.py"),
        otherwise="Nothing would prove which key a secret holds: each new key would look lost",
        actions=(*_MAKE, _PUT, _DESCRIBE),
        run=_token_is_version,
    ),
    Probe(
        name="same-token",
        claim=(
            "The same value under the same token is stored once; another value is "
            "`ResourceExistsException`"
        ),
        source=f"{_API}/API_PutSecretValue.html",
        rests_on_it=("0003", "adapters/secrets_manager.py"),
        otherwise="To store again after a lost answer would not be safe",
        actions=(*_MAKE, _PUT, _DESCRIBE),
        run=_same_token,
    ),
    Probe(
        name="labels-move",
        claim=(
            "A second value moves `AWSCURRENT` to it and `AWSPREVIOUS` to the first; a version "
            "without a label is not described"
        ),
        source=f"{_GUIDE}/whats-in-a-secret.html",
        rests_on_it=("adapters/secrets_manager.py", "domain/record.py"),
        otherwise=(
            "Programs would go on reading the old key; the record of stored keys would be wrong"
        ),
        actions=(*_MAKE, _PUT, _DESCRIBE),
        run=_labels_move,
    ),
    Probe(
        name="empty-secret",
        claim="A secret that is made without a value has no version",
        source=f"{_API}/API_CreateSecret.html",
        rests_on_it=("0003", "0021"),
        otherwise="A newborn would look as if somebody had stored something in it, and be refused",
        actions=(*_MAKE, _DESCRIBE),
        run=_empty_secret,
    ),
    Probe(
        name="describe-tells-no-value",
        claim=(
            "`DescribeSecret` tells tags and labels, never the value, and does not count as a read"
        ),
        source=f"{_API}/API_DescribeSecret.html",
        rests_on_it=("0002", "0068"),
        otherwise=(
            "Keyturn's role could see values, or every run would count as a read of the secret"
        ),
        actions=(*_MAKE, _PUT, _DESCRIBE),
        run=_describe_tells_no_value,
    ),
    Probe(
        name="list-tells-record",
        claim="`ListSecrets` tells tags and labels, some minutes late",
        source=f"{_API}/API_ListSecrets.html",
        rests_on_it=("0074", "adapters/secret_list.py"),
        otherwise="Users at rest would be looked at one by one: slower, never wrong",
        actions=(*_MAKE, _PUT, "secretsmanager:ListSecrets"),
        run=_list_tells_record,
    ),
    Probe(
        name="list-in-pages",
        claim=(
            "`ListSecrets` gives each secret once; a page that is not the last has a `NextToken`"
        ),
        source=f"{_API}/API_ListSecrets.html",
        rests_on_it=("0074", "adapters/secret_list.py"),
        otherwise="A secret would be missed: its user waits a run, and is looked at alone",
        actions=(*_MAKE, "secretsmanager:ListSecrets"),
        run=_list_in_pages,
    ),
    Probe(
        name="name-taken",
        claim="`CreateSecret` refuses a name that is taken",
        source=f"{_API}/API_CreateSecret.html",
        rests_on_it=("0074", "0075"),
        otherwise="Two runs could both begin a user's first rotation",
        actions=_MAKE,
        run=_name_taken,
    ),
    Probe(
        name="scheduled",
        claim=(
            "A secret scheduled for deletion says so, keeps its name, takes no value, and comes "
            "back with `RestoreSecret`"
        ),
        source=f"{_API}/API_DeleteSecret.html",
        rests_on_it=("0068", "adapters/secrets_manager.py"),
        otherwise="A rotation could lose its new key in a secret that is about to go",
        actions=(
            *_MAKE,
            _PUT,
            _DESCRIBE,
            "secretsmanager:DeleteSecret",
            "secretsmanager:RestoreSecret",
        ),
        run=_scheduled,
    ),
    Probe(
        name="new-arn",
        claim="A secret that is made again under its name has another ARN",
        source=f"{_GUIDE}/whats-in-a-secret.html",
        rests_on_it=("0021",),
        otherwise=(
            "Whoever can delete a secret could put one of their own in its place, seal and all"
        ),
        actions=(*_MAKE, "secretsmanager:DeleteSecret"),
        run=_new_arn,
    ),
    Probe(
        name="most-tags",
        claim="A secret has 50 tags at most; one more is refused, and changes nothing",
        source=f"{_API}/API_TagResource.html",
        rests_on_it=("0002", "use_cases/record_store.py"),
        otherwise="The record of a key could be written in part",
        actions=(*_MAKE, _DESCRIBE),
        run=_most_tags,
    ),
    Probe(
        name="tag-values",
        claim=(
            "A tag's value of 256 characters, with the signs that Keyturn writes, comes back as "
            "it was"
        ),
        source=f"{_API}/API_Tag.html",
        rests_on_it=("domain/tag_text.py", "domain/record.py"),
        otherwise="The record could not be read: the user would be left alone, and reported",
        actions=(*_MAKE, _DESCRIBE),
        run=_tag_values,
    ),
    Probe(
        name="untag-gone",
        claim="To remove a tag that is not there is no error",
        source=f"{_API}/API_UntagResource.html",
        rests_on_it=("adapters/secrets_manager.py", "use_cases/record_store.py"),
        otherwise="A removal that is repeated would be reported as a failure",
        actions=(*_MAKE, _DESCRIBE, "secretsmanager:UntagResource"),
        run=_untag_gone,
    ),
    Probe(
        name="no-policy",
        claim="`GetResourcePolicy` of a secret without one answers without a policy",
        source=f"{_API}/API_GetResourcePolicy.html",
        rests_on_it=("0021", "adapters/secrets_manager.py"),
        otherwise="A newborn would look as if somebody had let others in, and be refused",
        actions=(*_MAKE, "secretsmanager:GetResourcePolicy"),
        run=_no_policy,
    ),
    Probe(
        name="date-header",
        claim=(
            "An answer has AWS's time, to the second, and the clock here is at most 30 seconds off"
        ),
        source="https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonResponseHeaders.html",
        rests_on_it=("0012", "0016", "adapters/secrets_manager.py"),
        otherwise="Keyturn makes no key here: set the clock of this machine",
        actions=(*_MAKE, _DESCRIBE),
        run=_date_header,
    ),
    Probe(
        name="kms-refusal",
        claim=(
            "A KMS key that cannot be used does not hinder an empty secret; its value is "
            "refused, and nothing is stored"
        ),
        source=f"{_GUIDE}/security-encryption.html",
        rests_on_it=("0003", "use_cases/deliver.py"),
        otherwise=(
            "A refusal after which the value is stored all the same would delete a key that "
            "programs read"
        ),
        actions=(*_MAKE, _PUT, _DESCRIBE),
        run=_kms_refusal,
    ),
)

UNPROBED: Final = (
    Unprobed(
        name="recovery-window-ends",
        claim="A secret scheduled for deletion is gone some time after its window, never before",
        source=f"{_GUIDE}/manage_delete-secret.html",
        rests_on_it=("0068",),
        otherwise=(
            "A rotation could find the secret gone that it wanted to restore; it would make a "
            "new one"
        ),
        why="the shortest window is seven days",
    ),
    Unprobed(
        name="replica-of",
        claim="A replica names its primary region, and takes no writes",
        source=f"{_API}/API_DescribeSecret.html",
        rests_on_it=("0021", "adapters/secrets_manager.py"),
        otherwise="A replica could be taken for a user's secret",
        why="a replica takes minutes to make and to remove, in a second region",
    ),
    Unprobed(
        name="old-versions",
        claim="Versions without labels are removed only where there are more than 100",
        source=f"{_API}/API_PutSecretValue.html",
        rests_on_it=("domain/record.py",),
        otherwise="Nothing: a version without a label proves nothing to Keyturn",
        why="Keyturn counts labelled versions only",
    ),
)
