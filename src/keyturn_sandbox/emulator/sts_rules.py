"""
Who may act where: credentials, sessions of roles and the trust they rest on.

moto lets anybody assume a role that does not exist, in an account that does not
exist, for ever. Here a role must exist and trust its caller, its account must be
usable, and a session ends by the emulator's clock.
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from moto.iam.models import AccessKeyLastUsed, Role

from keyturn_sandbox.emulator.delays import Delays
from keyturn_sandbox.emulator.iam_rules import Keyring, iam_of
from keyturn_sandbox.emulator.organization import LocalOrganization
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, Params
from keyturn_sandbox.emulator.shortcuts import signature_of

ADMIN_ROLE = "Administrator"

_ROLE_ARN = re.compile(r"arn:aws:iam::(\d{12}):role/(?:.*/)?([\w+=,.@-]+)", re.ASCII)
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who stands behind an access key; `identity` is what a trust policy calls them."""

    account: str
    arn: str
    identity: str
    ends: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a session signs with."""

    access_key_id: str
    secret_access_key: str
    session_token: str


class StsRules:
    """Hands out sessions, and knows afterwards whose they are."""

    def __init__(self, organization: LocalOrganization, keyring: Keyring, delays: Delays) -> None:
        self._organization = organization
        self._keyring = keyring
        self._delays = delays
        self._sessions: dict[str, Caller] = {}

    def answers(self) -> Mapping[str, Callable[[ApiRequest], Params]]:
        """The calls that are answered here: operation → what answers it."""
        return {
            "AssumeRole": self._assume_role,
            "GetCallerIdentity": self._get_caller_identity,
            "GetAccessKeyInfo": self._get_access_key_info,
        }

    def open_session(
        self, role_arn: str, name: str, *, ends: datetime | None = None
    ) -> Credentials:
        """Let somebody act as a role, without asking whether they may, or whether it exists."""
        account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
        credentials = Credentials(
            access_key_id=f"ASIA{_key_characters(16)}",
            secret_access_key=secrets.token_urlsafe(30),
            session_token=secrets.token_urlsafe(60),
        )
        self._sessions[credentials.access_key_id] = Caller(
            account=account,
            arn=f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
            identity=role_arn,
            ends=ends,
        )
        self._keyring.add(account, credentials.access_key_id, credentials.secret_access_key)
        return credentials

    def caller(self, access_key_id: str) -> Caller | None:
        """Say whose key this is, whether it still works or not; None: nobody's."""
        if session := self._sessions.get(access_key_id):
            return session
        account = self._keyring.accounts.get(access_key_id)
        key = iam_of(account).access_keys.get(access_key_id) if account else None
        if account is None or key is None or key.user_name is None:
            return None
        arn = iam_of(account).users[key.user_name].arn
        return Caller(account=account, arn=arn, identity=arn)

    def check(self, request: ApiRequest) -> None:
        """Remember the use of a key. Raises ApiError where the key does not work, as AWS would."""
        caller = self.caller(request.access_key_id)
        if caller is None or not self._organization.is_usable(caller.account):
            raise _unknown_key(request.service)
        if request.signature != signature_of(self._keyring.secrets[request.access_key_id]):
            raise ApiError(
                "SignatureDoesNotMatch"
                if request.service in {"iam", "sts", "s3"}
                else "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided.",
                403,
            )
        if caller.ends and request.at >= caller.ends:
            raise _expired(request.service)
        if key := iam_of(caller.account).access_keys.get(request.access_key_id):
            if key.status != "Active":
                raise _unknown_key(request.service)
            use = AccessKeyLastUsed(request.at, request.service, request.region)
            self._delays.used(key, request.at, use)

    def _get_caller_identity(self, request: ApiRequest) -> Params:
        return {
            "Account": request.account,
            "Arn": request.principal,
            "UserId": request.access_key_id,
        }

    def _get_access_key_info(self, request: ApiRequest) -> Params:
        # API_GetAccessKeyInfo.html: the account of a key "that you specify", whatever its state.
        account = self._keyring.accounts.get(request.params["AccessKeyId"])
        if account is None:
            raise ApiError("ValidationError", "The access key ID is not valid.")
        return {"Account": account}

    def _assume_role(self, request: ApiRequest) -> Params:
        arn, name = request.params["RoleArn"], request.params["RoleSessionName"]
        _check_session_name(name)
        caller = self.caller(request.access_key_id)
        found = self._role(arn)
        external_id = request.params.get("ExternalId")
        if caller is None or found is None or not self._trusts(found, caller, external_id):
            # A role that does not exist and one that does not trust the caller cannot be told
            # apart: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html
            raise ApiError(
                "AccessDenied",
                f"User: {request.principal} is not authorized to perform: sts:AssumeRole on "
                f"resource: {arn}",
                403,
            )
        ends = request.at + timedelta(seconds=_duration(request, found, caller))
        session = self.open_session(found.arn, name, ends=ends)
        return {
            "Credentials": {
                "AccessKeyId": session.access_key_id,
                "SecretAccessKey": session.secret_access_key,
                "SessionToken": session.session_token,
                "Expiration": ends,
            },
            "AssumedRoleUser": {
                "AssumedRoleId": f"{found.id}:{name}",
                "Arn": self._sessions[session.access_key_id].arn,
            },
        }

    def _role(self, arn: str) -> Role | None:
        if (named := _ROLE_ARN.fullmatch(arn)) and self._organization.is_usable(named[1]):
            return next((r for r in iam_of(named[1]).roles.values() if r.arn == arn), None)
        return None

    def _trusts(self, role: Role, caller: Caller, external_id: str | None) -> bool:
        facts = {
            "aws:PrincipalArn": caller.identity,
            "aws:PrincipalAccount": caller.account,
            "aws:PrincipalOrgID": self._organization.id,
            "sts:ExternalId": external_id,
        }
        policy = json.loads(role.assume_role_policy_document)
        return any(
            statement["Effect"] == "Allow"
            and "sts:AssumeRole" in _several(statement["Action"])
            and _names(statement.get("Principal", {}), caller)
            and _holds(statement.get("Condition", {}), facts)
            for statement in policy["Statement"]
        )


def _duration(request: ApiRequest, role: Role, caller: Caller) -> int:
    seconds = int(request.params.get("DurationSeconds", _HOUR))
    if seconds > int(role.max_session_duration or _HOUR):
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    # API_AssumeRole.html: "Role chaining limits your AWS CLI or AWS API role session to a
    # maximum of one hour. [...] if you provide a value greater than one hour, the operation
    # fails." A Lambda that assumes a role is chaining.
    if seconds > _HOUR and ":role/" in caller.identity:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
            "by role chaining.",
        )
    return seconds


def _check_session_name(name: str) -> None:
    if not _SESSION_NAME.fullmatch(name):
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to "
            r"satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*",
        )


def _names(principal: Mapping[str, object] | str, caller: Caller) -> bool:
    """Say whether a trust policy's Principal names the caller, or the caller's whole account."""
    named = _several(principal if isinstance(principal, str) else principal.get("AWS", []))
    account = caller.account
    whole_account = {"*", account, f"arn:aws:iam::{account}:root"}
    return bool(whole_account.intersection(named)) or caller.identity in named


def _holds(
    conditions: Mapping[str, Mapping[str, object]], facts: Mapping[str, str | None]
) -> bool:
    """Evaluate the conditions that trust policies use; one that we do not know never holds."""
    return all(
        _compare(operator, facts.get(key), _several(wanted))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _compare(operator: str, fact: str | None, wanted: Sequence[str]) -> bool:
    match operator:
        case "StringEquals":
            return fact in wanted
        case "StringLike" | "ArnLike" | "ArnEquals":  # the last two are the same to IAM
            return fact is not None and any(fnmatchcase(fact, pattern) for pattern in wanted)
        case _:
            return False


def _several(value: object) -> Sequence[str]:
    return value if isinstance(value, list) else [str(value)]


def _key_characters(count: int) -> str:
    return "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(count))


# The same two refusals have a name of their own in each protocol:
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and its sisters.
def _unknown_key(service: str) -> ApiError:
    code = {
        "iam": "InvalidClientTokenId",
        "sts": "InvalidClientTokenId",
        "s3": "InvalidAccessKeyId",
    }
    return ApiError(
        code.get(service, "UnrecognizedClientException"),
        "The security token included in the request is invalid.",
        403,
    )


def _expired(service: str) -> ApiError:
    code = "ExpiredToken" if service in {"iam", "sts", "s3"} else "ExpiredTokenException"
    return ApiError(code, "The security token included in the request is expired", 403)
