"""
Secrets Manager as AWS documents it, on moto's secrets.

moto takes any name and any tag, lets a secret that is scheduled for deletion be
written and tagged, keeps it when its time has come, lists versions that have lost
their labels, reads an old value after a label was moved, and lists every change at once.
What is not answered here, moto answers.

Sources are pages of https://docs.aws.amazon.com/secretsmanager/latest/apireference/
and, on labels, .../userguide/whats-in-a-secret.html.
"""

import re
from collections.abc import Callable, Mapping
from copy import copy
from datetime import UTC, datetime, time
from typing import Any
from uuid import uuid4

from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend, secretsmanager_backends

from keyturn_sandbox.emulator.delays import Delays
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, Params

_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")  # API_CreateSecret.html, Name
# API_Tag.html: 128 and 256 characters; "Generally allowed characters: letters, spaces, and
# numbers representable in UTF-8, plus the following special characters: + - = . _ : / @".
_TAG_KEY = re.compile(r"[\w +\-=.:/@]{1,128}")
_TAG_VALUE = re.compile(r"[\w +\-=.:/@]{0,256}")
_TAGS_PER_SECRET = 50  # API_TagResource.html: "a maximum of 50 tags"
_LARGEST_PAGE = 100  # API_ListSecrets.html, MaxResults
_CHANGES_IN_MOTO = (
    "CancelRotateSecret",
    "DeleteSecret",
    "PutResourcePolicy",
    "RemoveRegionsFromReplication",
    "ReplicateSecretToRegions",
    "RotateSecret",
    "UpdateSecret",
)
_SHORT_PAGE = 3
_LONGEST_TOKEN = 64  # API_PutSecretValue.html; botocore itself refuses fewer than 32


def secrets_of(account: str, region: str) -> SecretsManagerBackend:
    """Give moto's memory of the secrets of an account."""
    return secretsmanager_backends[account][region]


class SecretRules:
    """Answers the calls about secrets."""

    def __init__(self, delays: Delays, *, short_pages: bool = True) -> None:
        """short_pages: whether the list comes by threes, so that nobody takes a page for all."""
        self._delays = delays
        self._page = _SHORT_PAGE if short_pages else _LARGEST_PAGE

    def answers(self) -> Mapping[str, Callable[[ApiRequest], Params | None]]:
        """The calls that are answered here: operation → what answers it; None: moto does."""
        changes: Mapping[str, Callable[[ApiRequest], Params | None]] = {
            "CreateSecret": _create,
            "GetSecretValue": _get_value,  # the day of the last access
            "PutSecretValue": _put_value,
            "TagResource": _tag,
            "UntagResource": _untag,
            "RestoreSecret": _restore,
            "UpdateSecretVersionStage": _move_label,
            **dict.fromkeys(_CHANGES_IN_MOTO, lambda _: None),
        }
        return {
            "DescribeSecret": _describe,
            "ListSecrets": self._list,
            **{operation: self._remembering(change) for operation, change in changes.items()},
        }

    def _remembering(
        self, change: Callable[[ApiRequest], Params | None]
    ) -> Callable[[ApiRequest], Params | None]:
        """Change a secret, and remember how it was: lists show that for some minutes more."""

        def changed(request: ApiRequest) -> Params | None:
            named = str(request.params.get("SecretId", request.params.get("Name", "")))
            secret = _find(request, named)
            name = named if secret is None else secret.name
            place = request.account, request.region
            self._delays.changing_secret(place, name, secret, request.at)
            return change(request)

        return changed

    def _list(self, request: ApiRequest) -> Params:
        """
        List as moto does, but late, and with what AWS's list has of a secret.

        API_SecretListEntry.html: there is no ReplicationStatus.
        """
        params, place = request.params, (request.account, request.region)
        backend = secrets_of(*place)
        for name in list(dict.keys(backend.secrets)):
            _find(request, name)
        late = copy(backend)
        secrets = self._delays.secrets_seen(place, dict(backend.secrets.items()), request.at)  # type: ignore[arg-type]  # no replicas of other regions there
        late.secrets = secrets  # type: ignore[assignment]  # its look-up by ARN is not needed
        found, token = late.list_secrets(
            filters=params.get("Filters", []),
            max_results=params.get("MaxResults", self._page),
            next_token=params.get("NextToken"),
            include_planned_deletion=params.get("IncludePlannedDeletion", False),
        )
        for each in found:
            secret = secrets[each["Name"]]
            each.pop("ReplicationStatus", None)
            each["LastAccessedDate"] = getattr(secret, "last_accessed_date", None)
            each["PrimaryRegion"] = getattr(secret, "primary_region", None)
            each["RotationEnabled"] = secret.rotation_enabled or None
        return {"SecretList": found, "NextToken": token}


def _create(request: ApiRequest) -> Params:
    params, name = request.params, request.params["Name"]
    if not _NAME.fullmatch(name):
        raise ApiError(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of "
            "the following: -/_+=.@!",
        )
    tags = _checked_tags({}, params.get("Tags", []))
    existing = _find(request, name)
    if existing is not None:
        return _created_before(existing, params)
    now = int(request.at.timestamp())
    secret = FakeSecret(
        account_id=request.account,
        region_name=request.region,
        secret_id=name,
        secret_version={},
        version_id="",
        description=params.get("Description"),
        tags=_as_list(tags),
        kms_key_id=params.get("KmsKeyId"),
        created_date=now,
        last_changed_date=now,
    )
    # Without a value there is no version: API_CreateSecret.html, ClientRequestToken.
    version = _add_version(secret, request) if _has_value(params) else None
    secrets_of(request.account, request.region).secrets[name] = secret
    return {"ARN": secret.arn, "Name": name, "VersionId": version}


def _created_before(secret: FakeSecret, params: Params) -> Params:
    if secret.deleted_date is not None:
        raise ApiError(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already "
            "scheduled for deletion.",
        )
    # API_CreateSecret.html, ClientRequestToken: the same version once more is no error.
    version = params.get("ClientRequestToken", "")
    if not _has_value(params) or not _is_same_version(secret, version, params):
        raise ApiError(
            "ResourceExistsException",
            f"The operation failed because the secret {secret.name} already exists.",
        )
    return {"ARN": secret.arn, "Name": secret.name, "VersionId": version}


def _describe(request: ApiRequest) -> Params:
    secret = _named(request)
    labels = {
        # "Versions that don't have any staging labels are considered deprecated and
        # Secrets Manager can delete them": DescribeSecret does not list them.
        # API_DescribeSecret.html, VersionIdsToStages
        version: found["version_stages"]
        for version, found in secret.versions.items()
        if found["version_stages"]
    }
    return {
        "ARN": secret.arn,
        "Name": secret.name,
        "Description": secret.description,
        "KmsKeyId": secret.kms_key_id,
        "OwningService": secret.owning_service,
        "PrimaryRegion": getattr(secret, "primary_region", None),
        "RotationEnabled": secret.rotation_enabled or None,
        "ReplicationStatus": [replica.config for replica in secret.replicas] or None,
        "CreatedDate": secret.created_date,
        "LastChangedDate": secret.last_changed_date,
        "LastAccessedDate": getattr(secret, "last_accessed_date", None),
        "DeletedDate": secret.deleted_date,
        "Tags": secret.tags or [],
        "VersionIdsToStages": labels or None,
    }


def _put_value(request: ApiRequest) -> Params:
    secret = _named(request, unless_deleted=True)
    if not _has_value(request.params):
        raise ApiError(
            "InvalidParameterException", "You must provide either SecretString or SecretBinary."
        )
    version = _add_version(secret, request)
    return {
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version,
        "VersionStages": secret.versions[version]["version_stages"],
    }


def _get_value(request: ApiRequest) -> Params:
    secret, params = _named(request, unless_deleted=True), request.params
    label = params.get("VersionStage", "AWSCURRENT")
    by_id = "VersionId" in params
    for version_id, version in secret.versions.items():
        if by_id and version_id != params["VersionId"]:
            continue
        if label in version["version_stages"] or (by_id and "VersionStage" not in params):
            # "This value is truncated to midnight of the date and therefore shows only the date,
            # not the time." API_DescribeSecret.html, LastAccessedDate
            day = request.at.astimezone(UTC).date()
            midnight = datetime.combine(day, time(), UTC)
            secret.last_accessed_date = int(midnight.timestamp())  # type: ignore[attr-defined]  # moto has none
            return {
                "ARN": secret.arn,
                "Name": secret.name,
                "VersionId": version_id,
                "VersionStages": version["version_stages"],
                "CreatedDate": version["createdate"],
                "SecretString": version.get("secret_string"),
                "SecretBinary": version.get("secret_binary"),
            }
    raise ApiError(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for "
        + (f"VersionId: {params['VersionId']}" if by_id else f"staging label: {label}"),
    )


def _tag(request: ApiRequest) -> Params:
    secret = _named(request, unless_deleted=True)
    secret.tags = _as_list(_checked_tags(_as_dict(secret), request.params["Tags"]))
    return {}


def _untag(request: ApiRequest) -> Params:
    secret, gone = _named(request, unless_deleted=True), request.params["TagKeys"]
    secret.tags = [tag for tag in secret.tags or [] if tag["Key"] not in gone]
    return {}


def _restore(request: ApiRequest) -> Params:
    secret = _named(request)
    secret.deleted_date = None
    return {"ARN": secret.arn, "Name": secret.name}


def _move_label(request: ApiRequest) -> Params:
    """
    Move a label: "Whenever you move AWSCURRENT, Secrets Manager automatically moves the label
    AWSPREVIOUS to the version that AWSCURRENT was removed from."

    API_UpdateSecretVersionStage.html
    """
    secret, params = _named(request, unless_deleted=True), request.params
    label, to = params["VersionStage"], params.get("MoveToVersionId")
    holds = next(
        (v for v, found in secret.versions.items() if label in found["version_stages"]), None
    )
    if holds is not None and holds not in {params.get("RemoveFromVersionId"), to}:
        raise ApiError(
            "InvalidParameterException",
            f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is "
            f"currently attached to version {holds}, so you must explicitly reference that "
            "version in RemoveFromVersionId.",
        )
    if to is None:
        _unlabel(secret, label)
    elif to not in secret.versions:
        raise ApiError(
            "ResourceNotFoundException", f"Secrets Manager can't find the version {to}."
        )
    else:
        _label(secret, to, label)
    return {"ARN": secret.arn, "Name": secret.name}


def _add_version(secret: FakeSecret, request: ApiRequest) -> str:
    """
    Store a value under its token, which becomes the version's id.

    "If a version with this value already exists and that version's SecretString or
    SecretBinary values are the same as those in the request, then the request is ignored. The
    operation is idempotent." Other values "generate an error". API_PutSecretValue.html
    """
    params = request.params
    token = params.get("ClientRequestToken") or str(uuid4())
    if len(token) > _LONGEST_TOKEN:
        raise ApiError(
            "InvalidParameterException", "ClientRequestToken must be 32-64 characters long."
        )
    if token in secret.versions:
        if _is_same_version(secret, token, params):
            return token
        raise ApiError(
            "ResourceExistsException",
            "You can't use ClientRequestToken "
            f"{token} because that value is already in use for a version of secret {secret.arn}.",
        )
    is_first = not secret.versions
    version: dict[str, Any] = {
        "version_id": token,
        "version_stages": [],
        "createdate": int(request.at.timestamp()),
    }
    if "SecretString" in params:
        version["secret_string"] = params["SecretString"]
    if "SecretBinary" in params:
        version["secret_binary"] = params["SecretBinary"]
    secret.versions[token] = version
    for label in params.get("VersionStages", ["AWSCURRENT"]):
        _label(secret, token, label)
    if is_first:
        # "If this operation creates the first version for the secret, then Secrets Manager
        # automatically attaches the staging label AWSCURRENT to it." API_PutSecretValue.html
        _label(secret, token, "AWSCURRENT")
    secret.last_changed_date = int(request.at.timestamp())
    return token


def _label(secret: FakeSecret, version: str, label: str) -> None:
    before = _unlabel(secret, label)
    secret.versions[version]["version_stages"].append(label)
    if label == "AWSCURRENT":
        secret.set_default_version_id(version)
        if before is not None and before != version:
            _label(secret, before, "AWSPREVIOUS")


def _unlabel(secret: FakeSecret, label: str) -> str | None:
    """Take a label off the version it is on, and say which that was."""
    for version, found in secret.versions.items():
        if label in found["version_stages"]:
            found["version_stages"].remove(label)
            return version
    return None


def _is_same_version(secret: FakeSecret, version: str, params: Params) -> bool:
    found = secret.versions.get(version, {})
    return (found.get("secret_string"), found.get("secret_binary")) == (
        params.get("SecretString"),
        params.get("SecretBinary"),
    )


def _has_value(params: Params) -> bool:
    return "SecretString" in params or "SecretBinary" in params


def _named(request: ApiRequest, *, unless_deleted: bool = False) -> FakeSecret:
    secret = _find(request, request.params["SecretId"])
    if secret is None:
        raise ApiError(
            "ResourceNotFoundException", "Secrets Manager can't find the specified secret."
        )
    if unless_deleted and secret.deleted_date is not None:
        raise ApiError(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    return secret


def _find(request: ApiRequest, name_or_arn: str) -> FakeSecret | None:
    store = secrets_of(request.account, request.region).secrets
    name, is_arn = name_or_arn, name_or_arn.startswith("arn:")
    if is_arn:
        name = name.rsplit(":", 1)[-1][: -len("-AbCdEf")]
    # Past moto's own look-up, which compares with every secret of the account.
    found = dict.get(store, name)
    if not isinstance(found, FakeSecret) or (is_arn and found.arn != name_or_arn):
        return None  # a secret that was made again under its name has another ARN
    if found.deleted_date is not None and found.deleted_date <= request.at.timestamp():
        del store[name]  # its recovery window has ended
        return None
    return found


def _checked_tags(before: Mapping[str, str], new: list[dict[str, str]]) -> dict[str, str]:
    for tag in new:
        key, value = tag["Key"], tag.get("Value", "")
        if not _TAG_KEY.fullmatch(key) or key.lower().startswith("aws:"):
            raise ApiError("InvalidParameterException", f"Invalid tag key: {key}")
        if not _TAG_VALUE.fullmatch(value):
            raise ApiError("InvalidParameterException", f"Invalid value of the tag {key}.")
    tags = {**before, **{tag["Key"]: tag.get("Value", "") for tag in new}}
    if len(tags) > _TAGS_PER_SECRET:
        raise ApiError("InvalidParameterException", "A secret can have 50 tags at most.")
    return tags


def _as_dict(secret: FakeSecret) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in secret.tags or []}


def _as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def expiry_of(secret: FakeSecret) -> datetime | None:
    """Say when a secret that is scheduled for deletion is gone for good."""
    return (
        None if secret.deleted_date is None else datetime.fromtimestamp(secret.deleted_date, UTC)
    )
