"""What Keyturn relies on of IAM's users and keys, and of STS."""

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from keyturn.rehearsal.model.own import PATH
from keyturn.rehearsal.model.verdict import Different, NotTried
from keyturn.rehearsal.probes.bench import (
    PATIENCE,
    Bench,
    Key,
    code_of,
    expect,
    off_by,
    refusal,
    why_unknown,
)
from keyturn.rehearsal.probes.probe import Probe, Unprobed

_API: Final = "https://docs.aws.amazon.com/IAM/latest/APIReference"
_GUIDE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
_MAKE_USER: Final = ("iam:CreateUser", "iam:TagUser")
_MAKE_KEY: Final = (*_MAKE_USER, "iam:CreateAccessKey")
_CLOCKS_AGREE: Final = 5.0
"""Seconds between a time that IAM writes down and the Date of its answer."""


def _third_key(bench: Bench) -> str:
    user = bench.make_user("third-key")
    for _ in range(2):
        bench.make_key(user)
    return refusal(lambda: bench.make_key(user), ["LimitExceeded"], "a third key")


def _new_key_listed(bench: Bench) -> str:
    key = bench.make_key(bench.make_user("new-key-listed"))
    found, passed = bench.until(lambda: _listed(bench, key))
    expect(found is not None, f"a new key is not listed after {PATIENCE:.0f} s")
    return f"listed after {passed:.1f} s"


def _change_listed(bench: Bench) -> str:
    key = bench.make_key(bench.make_user("change-listed"))
    _await_listed(bench, key)
    _set(bench, key, "Inactive")
    found, passed = bench.until(lambda: _with_status(bench, key, "Inactive"))
    expect(found is not None, f"still listed as Active after {PATIENCE:.0f} s")
    return f"listed as Inactive after {passed:.1f} s"


def _created_at(bench: Bench) -> str:
    key = bench.make_key(bench.make_user("created-at"))
    listed = _await_listed(bench, key)
    expect(listed["CreateDate"] == key.created, "CreateDate differs between answer and list")
    expect(key.created.microsecond == 0, "CreateDate is not to the second")
    if key.told_at is None:
        raise Different("the answer has no Date")
    apart = off_by(key.created, key.told_at)
    expect(apart <= _CLOCKS_AGREE, f"CreateDate is {apart:.0f} s off the Date of the answer")
    return f"{apart:.0f} s between CreateDate and Date"


def _unused_key(bench: Bench) -> str:
    key = bench.make_key(bench.make_user("unused-key"))
    used = _last_used(bench, key)["AccessKeyLastUsed"]
    expect("LastUsedDate" not in used, "a key that was never used has a date of last use")
    return "no LastUsedDate"


def _key_names_user(bench: Bench) -> str:
    key = bench.make_key(bench.make_user("key-names-user"))
    expect(_last_used(bench, key).get("UserName") == key.user, "another user, or none, is named")
    return "the user is named"


def _last_use_lag(bench: Bench) -> str:
    key = bench.make_key(bench.make_user("last-use-lag"))
    bench.await_works(key)
    used_at = bench.clock()

    def told() -> Mapping[str, Any] | None:
        used: Mapping[str, Any] = _last_used(bench, key)["AccessKeyLastUsed"]
        return used if used.get("LastUsedDate") else None

    used, passed = bench.until(told)
    if used is None:
        return f"not yet told after {passed:.0f} s"
    expect(used["LastUsedDate"] >= key.created, "its last use is before it was made")
    expect(used["ServiceName"] == "sts", f"the service is {used['ServiceName']}")
    late = off_by(used["LastUsedDate"], used_at)
    return f"told after {passed:.1f} s, {late:.0f} s off the use"


def _inactive_key(bench: Bench) -> str:
    key = bench.make_key(bench.make_user("inactive-key"))
    bench.await_works(key)
    code, passed = _stop(bench, key)
    expect(code == "InvalidClientTokenId", f"an Inactive key is refused by {code}")
    return f"{code} after {passed:.1f} s"


def _restored_key(bench: Bench) -> str:
    key = bench.make_key(bench.make_user("restored-key"))
    bench.await_works(key)
    _stop(bench, key)
    _set(bench, key, "Active")
    passed = bench.works(key)
    if passed is None:
        raise Different(f"a key that is Active again does not work after {PATIENCE:.0f} s")
    return f"works again after {passed:.1f} s"


def _deleted_key(bench: Bench) -> str:
    key = bench.make_key(bench.make_user("deleted-key"))
    _await_listed(bench, key)
    iam = bench.client("iam")
    iam.delete_access_key(UserName=key.user, AccessKeyId=key.key_id)
    gone, passed = bench.until(
        lambda: None if _listed(bench, key) else True  # an endpoint may be late
    )
    expect(gone is not None, f"still listed after {PATIENCE:.0f} s")

    def delete_again() -> str | None:
        try:
            iam.delete_access_key(UserName=key.user, AccessKeyId=key.key_id)
        except ClientError as error:
            if code_of(error) == "NoSuchEntity":
                return code_of(error)
            raise
        return None

    code, _ = bench.until(delete_again)
    expect(code is not None, "a second deletion was not refused")
    return f"gone after {passed:.1f} s; again: {code}"


def _users_in_pages(bench: Bench) -> str:
    wanted = {bench.make_user(f"users-in-pages-{number}") for number in range(3)}

    def whole() -> tuple[list[str], int] | None:
        found, pages = _in_pages(bench)
        return (found, pages) if wanted <= set(found) else None

    listed, passed = bench.until(whole)
    if listed is None:
        raise Different(f"new users are not listed after {passed:.0f} s")
    found, pages = listed
    ours = [name for name in found if name in wanted]
    expect(len(ours) == len(set(ours)), "a user came twice")
    expect(pages >= len(wanted), f"{pages} pages of one user each")
    return f"{len(wanted)} users, {pages} pages, {passed:.1f} s after they were made"


def _in_pages(bench: Bench) -> tuple[list[str], int]:
    """The users under the path, one a page, and how many pages that were."""
    iam, found, marker = bench.client("iam"), list[str](), dict[str, str]()
    pages = 0
    while True:
        page = iam.list_users(PathPrefix=PATH, MaxItems=1, **marker)
        pages += 1
        found += [user["UserName"] for user in page["Users"]]
        if not page["IsTruncated"]:
            return found, pages
        expect(bool(page.get("Marker")), "a page is truncated and has no Marker")
        marker = {"Marker": page["Marker"]}


def _tag_case(bench: Bench) -> str:
    user, iam = bench.make_user("tag-case"), bench.client("iam")
    iam.tag_user(UserName=user, Tags=[{"Key": "Owner", "Value": "first"}])
    iam.tag_user(UserName=user, Tags=[{"Key": "owner", "Value": "second"}])

    def owners() -> list[str]:
        tags = iam.list_user_tags(UserName=user)["Tags"]
        return [tag["Value"] for tag in tags if tag["Key"].lower() == "owner"]

    found, _ = bench.until(lambda: owners() == ["second"] or None)
    expect(found is not None, f"Owner and owner are {len(owners())} tags")
    return "one tag, of the last value"


def _name_case(bench: Bench) -> str:
    bench.make_user("name-case")
    return refusal(
        lambda: bench.make_user("NAME-case"), ["EntityAlreadyExists"], "a name in another case"
    )


def _user_id(bench: Bench) -> str:
    iam, name = bench.client("iam"), bench.named("user-id")
    made = dict[str, Any](UserName=name, Path=PATH, Tags=bench.tag_list)
    first = iam.create_user(**made)["User"]["UserId"]
    iam.delete_user(UserName=name)

    def made_again() -> str | None:
        try:
            return str(iam.create_user(**made)["User"]["UserId"])
        except ClientError as error:
            if code_of(error) == "EntityAlreadyExists":  # it is not gone everywhere yet
                return None
            raise

    second, _ = bench.until(made_again)
    if second is None:
        raise NotTried(f"a deleted user's name is still taken after {PATIENCE:.0f} s")
    expect(first != second, "a user made again under the same name has the same UserId")
    return "another UserId"


def _comma_name(bench: Bench) -> str:
    bench.make_user("comma,name")
    codes = ["ValidationException", "InvalidParameterException"]
    code = refusal(
        lambda: bench.make_secret("comma,name"), codes, "a comma in the name of a secret"
    )
    bench.make_secret("comma=2Cname")
    return f"IAM takes a comma; Secrets Manager: {code}; it takes =2C"


def _group_members(bench: Bench) -> str:
    iam, user, group = bench.client("iam"), bench.make_user("member"), bench.named("group")
    iam.create_group(GroupName=group, Path=PATH)
    made = iam.get_user(UserName=user)["User"]["UserId"]

    def members() -> list[str]:
        return [each["UserId"] for each in iam.get_group(GroupName=group)["Users"]]

    expect(members() == [], "a new group has members")
    iam.add_user_to_group(GroupName=group, UserName=user)
    found, passed = bench.until(lambda: members() or None)
    expect(found == [made], f"the members are not the user after {passed:.0f} s")
    return f"listed by UserId after {passed:.1f} s"


def _alternate_contact(bench: Bench) -> str:
    try:
        bench.client("account").get_alternate_contact(AlternateContactType="SECURITY")
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return "ResourceNotFoundException: there is none"
        raise
    return "there is one"


def _quarantine_policy(bench: Bench) -> str:
    iam = bench.client("iam")
    arn = f"arn:{iam.meta.partition}:iam::aws:policy/AWSCompromisedKeyQuarantineV"
    try:
        answer = iam.list_entities_for_policy(PolicyArn=f"{arn}3", EntityFilter="User")
    except ClientError as error:
        if code_of(error) == "NoSuchEntity":
            raise Different("AWS has no AWSCompromisedKeyQuarantineV3") from error
        raise
    expect(isinstance(answer.get("PolicyUsers"), list), "the answer has no PolicyUsers")
    return refusal(
        lambda: iam.list_entities_for_policy(PolicyArn=f"{arn}99", EntityFilter="User"),
        ["NoSuchEntity"],
        "a policy that AWS has not published",
    )


def _root_keys(bench: Bench) -> str:
    summary = bench.client("iam").get_account_summary()["SummaryMap"]
    present = summary.get("AccountAccessKeysPresent")
    expect(present in {0, 1}, f"AccountAccessKeysPresent is {present}")
    return f"AccountAccessKeysPresent is {present}"


def _identity_without_rights(bench: Bench) -> str:
    key = bench.make_key(bench.make_user("identity"))
    passed = bench.await_works(key)
    arn = bench.as_key("sts", key.key_id, key.secret).get_caller_identity()["Arn"]
    expect(arn.endswith(f":user{PATH}{key.user}"), "the answer names somebody else")
    return f"a user without rights is answered, {passed:.1f} s after the key was made"


def _wrong_secret(bench: Bench) -> str:
    key = bench.make_key(bench.make_user("wrong-secret"))
    bench.await_works(key)
    sts = bench.as_key("sts", key.key_id, "not-the-secret-of-this-key")
    return refusal(sts.get_caller_identity, ["SignatureDoesNotMatch"], "another secret")


def _listed(bench: Bench, key: Key) -> Mapping[str, Any] | None:
    listed = bench.client("iam").list_access_keys(UserName=key.user)["AccessKeyMetadata"]
    return next((each for each in listed if each["AccessKeyId"] == key.key_id), None)


def _with_status(bench: Bench, key: Key, status: str) -> Mapping[str, Any] | None:
    listed = _listed(bench, key)
    return listed if listed is not None and listed["Status"] == status else None


def _await_listed(bench: Bench, key: Key) -> Mapping[str, Any]:
    found, _ = bench.until(lambda: _listed(bench, key))
    if found is None:
        raise NotTried(f"a new key is not listed after {PATIENCE:.0f} s")
    return found


def _last_used(bench: Bench, key: Key) -> Mapping[str, Any]:
    def told() -> Mapping[str, Any] | None:
        try:
            answer: Mapping[str, Any] = bench.client("iam").get_access_key_last_used(
                AccessKeyId=key.key_id
            )
        except ClientError as error:
            if code_of(error) == "NoSuchEntity":  # an endpoint that does not know the key yet
                return None
            raise
        return answer

    found, _ = bench.until(told)
    if found is None:
        raise NotTried(f"IAM does not know a new key after {PATIENCE:.0f} s")
    return found


def _set(bench: Bench, key: Key, status: str) -> None:
    bench.client("iam").update_access_key(UserName=key.user, AccessKeyId=key.key_id, Status=status)


def _stop(bench: Bench, key: Key) -> tuple[str, float]:
    """Make a key Inactive, and wait until it is refused; by which code. Raises Different."""
    _set(bench, key, "Inactive")
    sts = bench.as_key("sts", key.key_id, key.secret)
    # Asked once more, it may be another endpoint that answers, and still takes the key.
    code, passed = bench.until(lambda: why_unknown(sts.get_caller_identity))
    if code is None:
        raise Different(f"an Inactive key still works after {PATIENCE:.0f} s")
    return code, passed


PROBES: Final = (
    Probe(
        name="third-key",
        claim="A user has two access keys at most; a third is refused with `LimitExceeded`",
        source=f"{_GUIDE}/reference_iam-quotas.html",
        rests_on_it=("adapters/aws_errors.py", "domain/lifecycle/slots.py"),
        otherwise=(
            "A rotation that finds both slots taken would make a third key instead of waiting"
        ),
        actions=_MAKE_KEY,
        run=_third_key,
    ),
    Probe(
        name="new-key-listed",
        claim="A new key is in `ListAccessKeys` within seconds",
        source=f"{_GUIDE}/troubleshoot.html",
        rests_on_it=("0003", "domain/lifecycle/view.py"),
        otherwise="After 15 minutes Keyturn takes a key that is not listed for deleted",
        actions=(*_MAKE_KEY, "iam:ListAccessKeys"),
        run=_new_key_listed,
    ),
    Probe(
        name="change-listed",
        claim="A change of a key's status is in `ListAccessKeys` within seconds",
        source=f"{_GUIDE}/troubleshoot.html",
        rests_on_it=("0019", "use_cases/executor.py"),
        otherwise="A run and an order that meet could each count on a key that the other stopped",
        actions=(*_MAKE_KEY, "iam:ListAccessKeys", "iam:UpdateAccessKey"),
        run=_change_listed,
    ),
    Probe(
        name="created-at",
        claim=(
            "`CreateDate` is AWS's time of the creation, to the second, in answer and list alike"
        ),
        source=f"{_API}/API_AccessKeyMetadata.html",
        rests_on_it=("0003", "0012"),
        otherwise=(
            "A broken rotation's key could not be told from a person's by the time of its intent"
        ),
        actions=(*_MAKE_KEY, "iam:ListAccessKeys"),
        run=_created_at,
    ),
    Probe(
        name="unused-key",
        claim="A key that was never used has no `LastUsedDate`",
        source=f"{_API}/API_AccessKeyLastUsed.html",
        rests_on_it=("0003", "adapters/iam.py"),
        otherwise="A key that nobody has would look used, and would never be repaired",
        actions=(*_MAKE_KEY, "iam:GetAccessKeyLastUsed"),
        run=_unused_key,
    ),
    Probe(
        name="last-use-lag",
        claim=(
            "A use is told later (within four hours), with a date after the creation and the "
            "service"
        ),
        source=f"{_GUIDE}/access_policies_last-accessed.html",
        rests_on_it=("adapters/iam.py", "domain/lifecycle/view.py"),
        otherwise="A key in use would look quiet for longer, and could be announced and disabled",
        actions=(*_MAKE_KEY, "iam:GetAccessKeyLastUsed"),
        run=_last_use_lag,
    ),
    Probe(
        name="key-names-user",
        claim="`GetAccessKeyLastUsed` names the user of a key",
        source=f"{_API}/API_GetAccessKeyLastUsed.html",
        rests_on_it=("adapters/iam.py",),
        otherwise="An order about a key would not find its user",
        actions=(*_MAKE_KEY, "iam:GetAccessKeyLastUsed"),
        run=_key_names_user,
    ),
    Probe(
        name="inactive-key",
        claim="STS refuses an Inactive key with `InvalidClientTokenId` within seconds",
        source=f"{_API}/CommonErrors.html",
        rests_on_it=("adapters/aws_errors.py", "own_machine/adapters/caller_identity.py"),
        otherwise="A key that was disabled or revoked as leaked would go on working",
        actions=(*_MAKE_KEY, "iam:UpdateAccessKey"),
        run=_inactive_key,
    ),
    Probe(
        name="restored-key",
        claim="A key that is made Active again works again within seconds",
        source=f"{_API}/API_UpdateAccessKey.html",
        rests_on_it=("use_cases/run_command.py",),
        otherwise="A disabling could not be undone at once",
        actions=(*_MAKE_KEY, "iam:UpdateAccessKey"),
        run=_restored_key,
    ),
    Probe(
        name="deleted-key",
        claim="A deleted key leaves the list within seconds; deleting it again is `NoSuchEntity`",
        source=f"{_API}/API_DeleteAccessKey.html",
        rests_on_it=("adapters/iam.py",),
        otherwise="A repeated deletion would be a failure, or no answer",
        actions=(*_MAKE_KEY, "iam:ListAccessKeys", "iam:DeleteAccessKey"),
        run=_deleted_key,
    ),
    Probe(
        name="users-in-pages",
        claim=(
            "`ListUsers` gives each user once; a page that is not the last has `IsTruncated` and"
            " `Marker`"
        ),
        source=f"{_API}/API_ListUsers.html",
        rests_on_it=("adapters/iam.py",),
        otherwise="Users would be left out of a run, or be kept twice",
        actions=(*_MAKE_USER, "iam:ListUsers"),
        run=_users_in_pages,
    ),
    Probe(
        name="tag-case",
        claim="To IAM, `Owner` and `owner` are one tag of a user",
        source=f"{_GUIDE}/id_tags.html",
        rests_on_it=("adapters/iam.py",),
        otherwise="A user could have two owners, and the wrong one be notified",
        actions=(*_MAKE_USER, "iam:ListUserTags"),
        run=_tag_case,
    ),
    Probe(
        name="name-case",
        claim="Users' names are not told apart by case",
        source=f"{_API}/API_CreateUser.html",
        rests_on_it=("domain/secret_names.py",),
        otherwise="Nothing worse than two secrets whose names look alike",
        actions=_MAKE_USER,
        run=_name_case,
    ),
    Probe(
        name="user-id",
        claim="A user that is made again under the same name has another `UserId`",
        source=f"{_GUIDE}/reference_identifiers.html",
        rests_on_it=("0021",),
        otherwise="A new user would take over the secret and the record of a deleted one",
        actions=(*_MAKE_USER, "iam:DeleteUser"),
        run=_user_id,
    ),
    Probe(
        name="comma-name",
        claim=(
            "IAM allows a comma in a user's name; Secrets Manager refuses one in a secret's "
            "name, and takes `=2C`"
        ),
        source=(
            "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html"
        ),
        rests_on_it=("domain/secret_names.py",),
        otherwise="Such users would be without a secret, or have one under another name",
        actions=(*_MAKE_USER, "secretsmanager:CreateSecret", "secretsmanager:TagResource"),
        run=_comma_name,
    ),
    Probe(
        name="group-members",
        claim="A user who is put into a group is in `GetGroup` within seconds, by `UserId`",
        source=f"{_API}/API_GetGroup.html",
        rests_on_it=("0012", "use_cases/exempt_users.py"),
        otherwise="A user who was just exempted could be rotated",
        actions=(
            *_MAKE_USER,
            "iam:GetUser",
            "iam:CreateGroup",
            "iam:GetGroup",
            "iam:AddUserToGroup",
        ),
        run=_group_members,
    ),
    Probe(
        name="alternate-contact",
        claim="An account without a security contact is `ResourceNotFoundException`",
        source=(
            "https://docs.aws.amazon.com/accounts/latest/reference/API_GetAlternateContact.html"
        ),
        rests_on_it=("adapters/alternate_contacts.py",),
        otherwise="'There is none' could not be told from 'denied'; the account's address is used",
        actions=("account:GetAlternateContact",),
        run=_alternate_contact,
    ),
    Probe(
        name="quarantine-policy",
        claim=(
            "AWS's quarantine policies can be asked for their users; one that AWS has not is "
            "`NoSuchEntity`"
        ),
        source="https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html",
        rests_on_it=("0058", "adapters/iam.py"),
        otherwise="A key that AWS found in public would not be reported",
        actions=("iam:ListEntitiesForPolicy",),
        run=_quarantine_policy,
    ),
    Probe(
        name="root-keys",
        claim="`GetAccountSummary` tells whether the root user has access keys",
        source=f"{_API}/API_GetAccountSummary.html",
        rests_on_it=("adapters/iam.py",),
        otherwise="Root keys would not be reported",
        actions=("iam:GetAccountSummary",),
        run=_root_keys,
    ),
    Probe(
        name="identity-without-rights",
        claim="`GetCallerIdentity` answers a user without any right, by name",
        source="https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html",
        rests_on_it=("own_machine/adapters/caller_identity.py",),
        otherwise="`keyturn pickup` could not try a delivered key",
        actions=_MAKE_KEY,
        run=_identity_without_rights,
    ),
    Probe(
        name="wrong-secret",
        claim="A known key with another secret is `SignatureDoesNotMatch`",
        source=f"{_API}/CommonErrors.html",
        rests_on_it=("own_machine/adapters/caller_identity.py",),
        otherwise="`keyturn pickup` would take a wrong secret for a key that is not known yet",
        actions=_MAKE_KEY,
        run=_wrong_secret,
    ),
)

UNPROBED: Final = (
    Unprobed(
        name="own-credentials-expire",
        claim="A session that AWS ended is `ExpiredToken`",
        source=f"{_API}/CommonErrors.html",
        rests_on_it=("adapters/aws_errors.py",),
        otherwise="An operator would read of a refusal instead of a session that is over",
        why="the shortest session lasts 15 minutes",
    ),
    Unprobed(
        name="role-unknown",
        claim=(
            "A role that is not there and one that does not trust the caller are both "
            "`AccessDenied`"
        ),
        source=f"{_GUIDE}/troubleshoot_roles.html",
        rests_on_it=("adapters/sts.py",),
        otherwise="An account without the role would be named with another reason",
        why="a caller who may not assume roles gets the same answer",
    ),
    Unprobed(
        name="iam-throttling",
        claim="IAM throttles an account as a whole, with `Throttling`, and does nothing then",
        source=f"{_API}/CommonErrors.html",
        rests_on_it=("0079", "adapters/throttling.py"),
        otherwise="A call that was throttled might have been done",
        why="it would throttle everybody else in the account",
    ),
)
