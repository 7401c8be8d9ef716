"""IAM in one account."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import aws_errors_translated, definite
from keyturn.domain.errors import NotFound, PortError
from keyturn.domain.key import KeyFacts, LastUse, Status
from keyturn.ports import NewKey, User

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

QUARANTINE: Final = "AWSCompromisedKeyQuarantine"
"""
The policy that AWS attaches to a user whose key it found in public; later ones end in V2 and on.

Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
"""
KNOWN_VERSIONS: Final = 4
"""Those that AWS has published; it is asked for later ones until it knows none."""
MOST_VERSIONS: Final = 20
LARGEST_PAGE = 1000
"""The most that IAM gives at once (MaxItems); without asking it gives 100."""


class IamAccessKeys:
    """Meets `ports.AccessKeys`."""

    def __init__(self, iam: "IAMClient", iam_once: Callable[[], "IAMClient"]) -> None:
        """iam_once gives a client that never retries: the only one that may create keys."""
        self._iam = iam
        self._iam_once = iam_once
        # boto3 makes a new class at each get_paginator; this one is asked for every user.
        self._key_pages = iam.get_paginator("list_access_keys")

    def users(self) -> Iterator[User]:
        """All IAM users."""
        pages = self._iam.get_paginator("list_users").paginate(
            PaginationConfig={"PageSize": LARGEST_PAGE}
        )
        with aws_errors_translated():
            for page in pages:
                for user in page["Users"]:
                    yield User(
                        name=user["UserName"],
                        id=user["UserId"],
                        path=user["Path"],
                        password_used=user.get("PasswordLastUsed"),
                    )

    def members_of(self, group: str) -> frozenset[str]:
        """The ids of all users in the group. Raises NotFound where there is no such group."""
        pages = self._iam.get_paginator("get_group").paginate(
            GroupName=group, PaginationConfig={"PageSize": LARGEST_PAGE}
        )
        with aws_errors_translated():
            return frozenset(user["UserId"] for page in pages for user in page["Users"])

    def keys_of(self, user: str) -> tuple[KeyFacts, ...]:
        """The user's access keys. Raises NotFound where the user is gone."""
        pages = self._key_pages.paginate(UserName=user)
        # Read whole before it is used: half a list would show a key as its user's only one.
        with aws_errors_translated():
            return tuple(
                KeyFacts(
                    key_id=key["AccessKeyId"],
                    status=_status(key["Status"]),
                    created=key["CreateDate"],
                )
                for page in pages
                for key in page["AccessKeyMetadata"]
            )

    def owner_of(self, key_id: str) -> str:
        """The name of the user whose key it is. Raises NotFound where it is no user's."""
        with aws_errors_translated():
            owner = self._iam.get_access_key_last_used(AccessKeyId=key_id).get("UserName")
        if not owner:
            raise NotFound(f"{key_id} is no IAM user's key")
        return owner

    def last_use(self, key_id: str) -> LastUse:
        """When the key was last used; AWS leaves the date out where it never was."""
        with aws_errors_translated():
            answer = self._iam.get_access_key_last_used(AccessKeyId=key_id)
        used = answer["AccessKeyLastUsed"]
        at = used.get("LastUsedDate")
        if at is None:
            return LastUse(at=None)
        return LastUse(at=at, service=used["ServiceName"], region=used["Region"])

    def tag_of(self, user: str, tag: str) -> str | None:
        """The value of a tag of the user: to IAM, Owner and owner are one key of a tag."""
        wanted = tag.lower()
        found = self.tags_of(user).items()
        return next((value for name, value in found if name.lower() == wanted), None)

    def tags_of(self, user: str) -> Mapping[str, str]:
        """All tags of the user: name → value. Raises NotFound where the user is gone."""
        pages = self._iam.get_paginator("list_user_tags").paginate(UserName=user)
        with aws_errors_translated():
            return {each["Key"]: each["Value"] for page in pages for each in page["Tags"]}

    def root_has_keys(self) -> bool:
        """Whether the account's root user has access keys."""
        with aws_errors_translated():
            summary = self._iam.get_account_summary()["SummaryMap"]
        return summary["AccountAccessKeysPresent"] > 0

    def quarantined(self) -> Mapping[str, str]:
        """User's name → AWS's quarantine policy that they have, of several the newest."""
        found: dict[str, str] = {}
        for version in range(1, MOST_VERSIONS + 1):
            policy = QUARANTINE if version == 1 else f"{QUARANTINE}V{version}"
            arn = f"arn:{self._iam.meta.partition}:iam::aws:policy/{policy}"
            try:
                with aws_errors_translated():
                    pages = self._iam.get_paginator("list_entities_for_policy").paginate(
                        PolicyArn=arn, EntityFilter="User"
                    )
                    users = [each["UserName"] for page in pages for each in page["PolicyUsers"]]
            except NotFound:  # a partition may lack one, and then nobody has it
                if version > KNOWN_VERSIONS:
                    break
            else:
                found |= dict.fromkeys(users, policy)
        return found

    def create(self, user: str) -> NewKey:
        """Create a key, in one attempt: a retry after a lost answer would make a second one."""
        with aws_errors_translated():
            key = self._iam_once().create_access_key(UserName=user)["AccessKey"]
        return NewKey(
            key_id=key["AccessKeyId"], created=key["CreateDate"], secret=key["SecretAccessKey"]
        )

    def disable(self, user: str, key_id: str) -> None:
        """Make a key Inactive."""
        with definite(), aws_errors_translated():
            self._iam.update_access_key(UserName=user, AccessKeyId=key_id, Status="Inactive")

    def enable(self, user: str, key_id: str) -> None:
        """Make a key Active again."""
        with definite(), aws_errors_translated():
            self._iam.update_access_key(UserName=user, AccessKeyId=key_id, Status="Active")

    def delete(self, user: str, key_id: str) -> bool:
        """Delete a key; False: IAM knows no such key. A retry is safe."""
        with suppress(NotFound), aws_errors_translated():
            self._iam.delete_access_key(UserName=user, AccessKeyId=key_id)
            return True
        return False

    def remove_from_group(self, user: str, group: str) -> None:
        """Remove a user from a group. A retry is safe."""
        with suppress(NotFound), definite(), aws_errors_translated():
            self._iam.remove_user_from_group(UserName=user, GroupName=group)


def _status(word: str) -> Status:
    """What IAM says of a key; its model knows words that no access key has had so far."""
    try:
        return Status(word)
    except ValueError:
        message = f"ListAccessKeys: the status {word} is none that we know"
        raise PortError(message) from None
