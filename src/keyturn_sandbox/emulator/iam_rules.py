"""
Identity and Access Management as AWS documents it, on moto's users and keys.

moto gives every list in one page, looks for a key in all accounts, lets a user
with keys be deleted, has Owner and owner as two tags and takes any name. What is not
answered here, moto answers; and what a run asks of every user is answered here because
moto takes longer.

Sources are pages of https://docs.aws.amazon.com/IAM/latest/APIReference/ and, for
quotas and names, of .../IAM/latest/UserGuide/reference_iam-quotas.html.
"""

import base64
import binascii
import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO

from moto.iam.models import AccessKey, IAMBackend, User, iam_backends

from keyturn_sandbox.emulator.delays import Delays
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, Params

# reference_iam-quotas.html: "Names of users, groups, roles, policies [...] must be
# alphanumeric, including the following common characters: plus (+), equal (=), comma (,),
# period (.), at (@), underscore (_), and hyphen (-)"; up to 64 of them for a user.
_USER_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
# API_CreateUser.html, Path.
_PATH = re.compile(r"(/)|(/[!-\x7f]+/)")
_KEYS_PER_USER = 2  # reference_iam-quotas.html: "Access keys assigned to an IAM user"
_LARGEST_PAGE = 1000  # API_ListUsers.html, MaxItems


# id_credentials_getting-report.html, "Understanding the report format".
_REPORT = (
    *("user", "arn", "user_creation_time"),
    *("password_enabled", "password_last_used", "password_last_changed", "password_next_rotation"),
    "mfa_active",
    *(
        f"access_key_{number}_{what}"
        for number in (1, 2)
        for what in (
            *("active", "last_rotated"),
            *("last_used_date", "last_used_region", "last_used_service"),
        )
    ),
    *(f"cert_{number}_{what}" for number in (1, 2) for what in ("active", "last_rotated")),
)

QUARANTINE_POLICIES = (
    "AWSCompromisedKeyQuarantineV2",
    "AWSCompromisedKeyQuarantineV3",
)
"""AWS's own; the first version is gone."""


def iam_of(account: str) -> IAMBackend:
    """Give moto's memory of the users and keys of an account."""
    return iam_backends[account]["aws"]


def in_utc(moment: datetime) -> datetime:
    """Read one of moto's times: UTC, but it does not say so; to the second, as AWS tells it."""
    return moment.replace(tzinfo=UTC, microsecond=0)


@dataclass(frozen=True, slots=True)
class Keyring:
    """Every access key ever handed out: its secret, and the account it belongs to."""

    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    accounts: dict[str, str] = field(default_factory=dict)

    def add(self, account: str, key_id: str, secret: str) -> None:
        """Note a key down; what was ever handed out is looked for in all that gets out."""
        self.secrets[key_id] = secret
        self.accounts[key_id] = account


class IamRules:
    """Answers the calls about users, groups and keys."""

    def __init__(self, keyring: Keyring, delays: Delays, *, short_pages: bool) -> None:
        self._keyring = keyring
        self._delays = delays
        self._short_pages = short_pages
        self.page_size = _LARGEST_PAGE
        """No page is longer, whatever is asked for."""
        self.quarantined: dict[tuple[str, str], str] = {}
        """Account and user → AWS's own policy that it attached, for a key was found in public."""

    def answers(self) -> Mapping[str, Callable[[ApiRequest], Params | None]]:
        """The calls that are answered here: operation → what answers it; None: moto answers."""
        return {
            "ListUsers": self._list_users,
            "GetGroup": self._get_group,
            "ListEntitiesForPolicy": self._list_entities_for_policy,
            "ListUserTags": self._list_user_tags,
            "TagUser": self._tag_user,
            "UntagUser": self._untag_user,
            "CreateUser": self._check_new_user,
            "UpdateUser": self._check_new_name,
            "DeleteUser": self._check_leaving_user,
            "ListAccessKeys": self._list_access_keys,
            "GetAccessKeyLastUsed": self._get_access_key_last_used,
            "CreateAccessKey": self._create_access_key,
            "UpdateAccessKey": self._change_access_key,
            "DeleteAccessKey": self._change_access_key,
            "GetCredentialReport": self._get_credential_report,
        }

    def _list_entities_for_policy(self, request: ApiRequest) -> Params:
        """Of AWS's own quarantine policies alone; one that nobody has is there all the same."""
        policy = request.params["PolicyArn"].rpartition("/")[2]
        if policy not in QUARANTINE_POLICIES:
            raise ApiError("NoSuchEntity", f"Policy {policy} does not exist.", 404)
        users = [
            {"UserName": user, "UserId": iam_of(request.account).get_user(user).id}
            for (account, user), put in self.quarantined.items()
            if (account, put) == (request.account, policy)
        ]
        return {"PolicyUsers": users, "PolicyGroups": [], "PolicyRoles": [], "IsTruncated": False}

    def _list_users(self, request: ApiRequest) -> Params:
        prefix = request.params.get("PathPrefix", "/")
        users = [
            user for user in iam_of(request.account).users.values() if user.path.startswith(prefix)
        ]
        return self._page("Users", users, request.params)

    def _get_group(self, request: ApiRequest) -> Params:
        name = request.params["GroupName"]
        group = iam_of(request.account).groups.get(name)
        if group is None:
            raise _no_such_entity(f"The group with name {name} cannot be found.")
        described = {
            "Path": group.path,
            "GroupName": group.name,
            "GroupId": group.id,
            "Arn": group.arn,
            "CreateDate": in_utc(group.create_date),
        }
        return {"Group": described, **self._page("Users", group.users, request.params)}

    def _list_user_tags(self, request: ApiRequest) -> Params:
        return {"Tags": _user(request).tags or [], "IsTruncated": False}

    def _tag_user(self, request: ApiRequest) -> None:
        """
        Remove what is replaced; moto sets the new tags, and would keep those of another case.

        id_tags.html, "Case sensitivity": users' and roles' keys of tags are not case sensitive.
        """
        keys = [each["Key"].lower() for each in request.params["Tags"]]
        if len(set(keys)) != len(keys):
            raise ApiError(
                "InvalidInput",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            )
        self._remove_tags(request, keys)

    def _untag_user(self, request: ApiRequest) -> None:
        self._remove_tags(request, [each.lower() for each in request.params["TagKeys"]])

    def _remove_tags(self, request: ApiRequest, keys: Sequence[str]) -> None:
        user = _user(request)
        gone = [each["Key"] for each in user.tags or [] if each["Key"].lower() in keys]
        iam_of(request.account).untag_user(user.name, gone)

    def _check_new_user(self, request: ApiRequest) -> None:
        name, path = request.params["UserName"], request.params.get("Path", "/")
        if not _USER_NAME.fullmatch(name):
            raise ApiError(
                "ValidationError",
                "The specified value for userName is invalid. It must contain only "
                "alphanumeric characters and/or the following: +=,.@_-",
            )
        if not _PATH.fullmatch(path):
            raise ApiError(
                "ValidationError",
                "The specified value for path is invalid. It must begin and end with / and "
                "contain only alphanumeric characters and/or / characters.",
            )
        _check_free(request.account, name)

    def _check_new_name(self, request: ApiRequest) -> None:
        user, new = _user(request), request.params.get("NewUserName", "")
        if new and new.lower() != user.name.lower():
            _check_free(request.account, new)
        # moto deletes a key by the name that its user had when the key was made.
        for key in user.access_keys:
            key.user_name = new or user.name

    def _check_leaving_user(self, request: ApiRequest) -> None:
        # API_DeleteUser.html: "you must delete the items attached to the user manually, or
        # the deletion fails", access keys and group memberships among them.
        user = _user(request)
        if user.access_keys:
            raise _delete_conflict("must delete access keys first")
        if iam_of(request.account).get_groups_for_user(user.name):
            raise _delete_conflict("must remove users from group first")

    def _list_access_keys(self, request: ApiRequest) -> Params:
        # IAM allows two keys a user, so there is never a second page.
        user = _user(request)
        keys = self._delays.seen(request.account, user.id, _listed(user), request.at)
        return {"AccessKeyMetadata": list(keys), "IsTruncated": False}

    def _change_access_key(self, request: ApiRequest) -> None:
        user, key_id = _user(request), request.params["AccessKeyId"]
        made = next(
            (in_utc(k.create_date) for k in user.access_keys if k.access_key_id == key_id), None
        )
        if made is not None and self._delays.hides(made, request.at):
            raise _no_such_key(key_id)
        self._delays.changing(request.account, user.id, _listed(user), request.at)

    def _get_access_key_last_used(self, request: ApiRequest) -> Params:
        key_id = request.params["AccessKeyId"]
        key = iam_of(request.account).access_keys.get(key_id)
        if key is None or key.user_name is None:
            raise _no_such_key(key_id)
        # API_AccessKeyLastUsed.html: of a key never used there is no date, and the service and
        # the region are "N/A".
        used = self._delays.last_use_of(key, request.at)
        return {
            "UserName": key.user_name,
            "AccessKeyLastUsed": {
                "LastUsedDate": in_utc(used.timestamp) if used else None,
                "ServiceName": used.service if used else "N/A",
                "Region": used.region if used else "N/A",
            },
        }

    def _create_access_key(self, request: ApiRequest) -> Params:
        user = _user(request)
        if len(user.access_keys) >= _KEYS_PER_USER:
            raise ApiError(
                "LimitExceeded",
                f"Cannot exceed quota for AccessKeysPerUser: {_KEYS_PER_USER}",
                409,
            )
        self._delays.changing(request.account, user.id, _listed(user), request.at)
        key = iam_of(request.account).create_access_key(user.name)
        self._keyring.add(request.account, key.access_key_id, key.secret_access_key)
        return {
            "AccessKey": {
                "UserName": user.name,
                "AccessKeyId": key.access_key_id,
                "Status": key.status,
                "SecretAccessKey": key.secret_access_key,
                "CreateDate": in_utc(key.create_date),
            }
        }

    def _get_credential_report(self, request: ApiRequest) -> Params:
        """
        Give what moto was asked to generate, with the root user's row, and names as CSV has them.

        moto's has no such row, and a name with a comma is two cells in it.
        """
        if not iam_of(request.account).credential_report:
            raise ApiError("ReportNotPresent", "No report is present.", 410)
        text = StringIO()
        rows = csv.DictWriter(text, _REPORT, restval="N/A", lineterminator="\n")
        rows.writeheader()
        root = f"arn:aws:iam::{request.account}:root"
        rows.writerow({"user": "<root_account>", "arn": root, **_reported([])})
        for user in iam_of(request.account).users.values():
            made = in_utc(user.create_date).isoformat()
            own = {"user": user.name, "arn": user.arn, "user_creation_time": made}
            rows.writerow({**own, **_reported(user.access_keys)})
        return {
            "Content": base64.b64encode(text.getvalue().encode()).decode(),
            "ReportFormat": "text/csv",
            "GeneratedTime": request.at,
        }

    def _page(self, name: str, users: Sequence[User], params: Params) -> Params:
        """
        Give one page of a list of users.

        MaxItems: "If you do not include this parameter, the number of items defaults to 100.
        Note that IAM might return fewer results, even when there are more results available.
        In that case, the IsTruncated response element returns true". API_ListUsers.html
        """
        size = int(params.get("MaxItems", 100))
        if size > _LARGEST_PAGE:
            raise ApiError(
                "ValidationError",
                f"1 validation error detected: Value '{size}' at 'maxItems' failed to satisfy "
                f"constraint: Member must have value less than or equal to {_LARGEST_PAGE}",
            )
        size = min(size, self.page_size)
        after = _read_marker(params["Marker"]) if "Marker" in params else ""
        rest = sorted((user for user in users if user.name > after), key=lambda user: user.name)
        if len(rest) <= size:
            return {name: [_described(user) for user in rest], "IsTruncated": False}
        page = rest[: max(1, size - 1) if self._short_pages else size]
        return {
            name: [_described(user) for user in page],
            "IsTruncated": True,
            "Marker": base64.urlsafe_b64encode(page[-1].name.encode()).decode(),
        }


def _read_marker(marker: str) -> str:
    try:
        return base64.urlsafe_b64decode(marker).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ApiError("ValidationError", "Invalid Marker.") from None


def _described(user: User) -> Params:
    found = {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": in_utc(user.create_date),
    }
    # Not returned where they never signed in, or have no password. API_User.html
    at: datetime | None = user.password_last_used
    return found if at is None else {**found, "PasswordLastUsed": in_utc(at)}


def _reported(keys: Sequence[AccessKey]) -> Mapping[str, str]:
    """What a credential report says of a user's two slots."""
    cells = {"password_enabled": "false", "mfa_active": "false"}
    for number, key in enumerate((*keys, None, None)[:_KEYS_PER_USER], start=1):
        slot, used = f"access_key_{number}", key and key.last_used
        cells[f"{slot}_active"] = str(bool(key and key.status == "Active")).lower()
        if key:
            cells[f"{slot}_last_rotated"] = in_utc(key.create_date).isoformat()
        if used:
            cells[f"{slot}_last_used_date"] = in_utc(used.timestamp).isoformat()
            cells[f"{slot}_last_used_region"] = used.region
            cells[f"{slot}_last_used_service"] = used.service
    return cells


def _listed(user: User) -> list[Params]:
    return [
        {
            "UserName": key.user_name,
            "AccessKeyId": key.access_key_id,
            "Status": key.status,
            "CreateDate": in_utc(key.create_date),
        }
        for key in user.access_keys
    ]


def _user(request: ApiRequest) -> User:
    name = request.params.get("UserName") or _own_name(request)
    user = iam_of(request.account).users.get(name)
    if user is None:
        raise _no_such_entity(f"The user with name {name} cannot be found.")
    return user


def _own_name(request: ApiRequest) -> str:
    # API_ListAccessKeys.html: "If the UserName is not specified, the user name is determined
    # implicitly based on the AWS access key ID used to sign the request."
    if ":user/" not in request.principal:
        raise ApiError(
            "ValidationError", "Must specify userName when calling with non-User credentials"
        )
    return request.principal.rsplit("/", 1)[-1]


def _no_such_key(key_id: str) -> ApiError:
    return _no_such_entity(f"The Access Key with id {key_id} cannot be found.")


def _check_free(account: str, name: str) -> None:
    # API_CreateUser.html, UserName: "Names are not distinguished by case."
    if name.lower() in {other.lower() for other in iam_of(account).users}:
        raise ApiError("EntityAlreadyExists", f"User with name {name} already exists.", 409)


def _no_such_entity(message: str) -> ApiError:
    return ApiError("NoSuchEntity", message, 404)


def _delete_conflict(what: str) -> ApiError:
    return ApiError("DeleteConflict", f"Cannot delete entity, {what}.", 409)
