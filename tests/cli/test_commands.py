"""An operator's commands about one key, one user, one secret, on the local AWS."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import KeyState, LocalCloud
from tests.cli.organisation import (
    ADMIN,
    BUCKET,
    DAY,
    GROUP,
    NOW,
    OURS,
    ROLE,
    SEALED,
    SECRETS,
    SHOP,
    TELLING,
    add_user,
    audit_entries,
    environment,
)

EVERYWHERE = ("--role-name", ROLE)
IN_THE_SHOP = (*EVERYWHERE, "--account", SHOP)
NOW_DO_IT = ("--enforce", "--yes")
DO_IT = (*NOW_DO_IT, *SECRETS)
WRITES = re.compile(r"Create|Update|Delete|Put|Tag|Untag|Restore|Send")
OF_THE_SCENE = {"CreateBucket", "CreateGroup", "CreateSecret", "AddUserToGroup"}
SECRET = f"Account_{SHOP}_User_orders_AccessKey"


def keyturn(*args: str, width: int = 200) -> Result:
    return CliRunner(env={"COLUMNS": str(width)}).invoke(app, args)


def written(cloud: LocalCloud) -> list[str]:
    """What was written, beside the scene."""
    return [
        call.operation
        for call in cloud.calls
        if WRITES.match(call.operation) and call.operation not in OF_THE_SCENE and not call.error
    ]


def keys(cloud: LocalCloud, user: str = "orders") -> dict[str, KeyState]:
    return {key.key_id: key for key in cloud.keys(SHOP) if key.user == user}


def stop(cloud: LocalCloud, key_id: str) -> None:
    iam = cloud.session(SHOP).client("iam")
    iam.update_access_key(UserName="orders", AccessKeyId=key_id, Status="Inactive")
    cloud.calls.clear()


def entries(cloud: LocalCloud) -> list[dict[str, Any]]:
    """The audit entries, in order."""
    return audit_entries(cloud.session(OURS).client("s3"), BUCKET)


# --- restore ------------------------------------------------------------------------------


def test_a_key_is_enabled_again_by_its_id_alone(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 40)
    stop(cloud, key)

    result = keyturn("restore", key, *EVERYWHERE, *DO_IT, *TELLING, "--reason", "INC-7")

    assert result.exit_code == 0, result.stderr
    assert keys(cloud)[key].status == "Active"
    assert f"The key is of account {SHOP}." in result.stderr
    assert re.search(rf"Done: 1 key(?s:.*){key}.*RESTORE", result.stdout)
    assert {address for mail in cloud.sent_mails for address in mail.to} == {
        "shop@example.com",
        ADMIN,
    }
    [entry] = entries(cloud)
    assert entry["by"] == f"arn:aws:sts::{OURS}:assumed-role/Administrator/sandbox"
    facts = ("command", "account", "user", "key", "why", "outcome")
    assert [entry[name] for name in facts] == ["restore", SHOP, "orders", key, "INC-7", "done"]
    assert entry["said"][0].startswith(f"RESTORE {key}: an operator asked for it")


def test_without_enforce_it_only_says_what_it_would_do(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 40)
    stop(cloud, key)

    result = keyturn("restore", key, *IN_THE_SHOP, *TELLING)

    assert result.exit_code == 0
    assert [line.strip() for line in result.stdout.splitlines()[-4:]] == [
        f"1. the tag keyturn:restored:{key} of {SECRET}: restored now",
        f"2. iam:UpdateAccessKey: {key} becomes Active",
        f"3. the owner and {ADMIN} are notified",
        f"4. an audit entry in {BUCKET}",
    ]
    assert "Dry run: nothing was written, nobody was notified." in result.stderr
    assert written(cloud) == []


def test_a_dry_revocation_says_where_it_would_be_on_record(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 40)

    result = keyturn("revoke", key, "--leaked", *IN_THE_SHOP, *TELLING)

    assert f"2. the tag keyturn:revoked:{key} of {SECRET}: revoked now" in result.stdout
    assert written(cloud) == []


def test_without_a_bucket_no_run_under_way_is_seen_and_it_says_so(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 40)

    result = keyturn("revoke", key, "--leaked", *IN_THE_SHOP)

    assert "a run that is under way is not seen: there is no --bucket" in result.stdout


def test_an_emergency_needs_nobody_to_tell_and_no_bucket_but_says_so(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 40)
    stop(cloud, key)

    result = keyturn("restore", key, *IN_THE_SHOP, *DO_IT)

    assert result.exit_code == 0, result.stderr
    assert keys(cloud)[key].status == "Active"
    assert "Without --bucket no audit entry is kept." in result.stderr
    assert (
        "Nobody was notified: without --notify, notify the owner of orders yourself."
        in result.stderr
    )


def test_what_is_refused_is_refused_before_anything_is_written(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 40)

    active = keyturn("restore", key, *IN_THE_SHOP, *DO_IT, *TELLING)
    cloud.session(SHOP).client("iam").add_user_to_group(GroupName=GROUP, UserName="orders")
    exempt = keyturn("restore", key, *IN_THE_SHOP, *DO_IT, *TELLING)

    assert (active.exit_code, exempt.exit_code) == (1, 1)
    assert f"{key} is Active already" in active.stderr
    assert "orders is exempt" in exempt.stderr
    assert "by hand: aws iam update-access-key --user-name orders" in exempt.stderr
    assert written(cloud) == []


# --- revoke -------------------------------------------------------------------------------


def test_revoking_needs_a_word_that_says_what_it_is_for(cloud: LocalCloud) -> None:
    before = len(cloud.calls)

    result = keyturn("revoke", "AKIAIOSFODNN7EXAMPLE", *IN_THE_SHOP, *DO_IT)

    assert result.exit_code == 2
    assert "say --leaked" in result.stderr
    assert len(cloud.calls) == before


def test_a_leaked_key_is_stopped_replaced_and_what_else_to_do_is_said(cloud: LocalCloud) -> None:
    [leaked] = add_user(cloud, SHOP, "orders", 12)

    result = keyturn("revoke", leaked, "--leaked", *EVERYWHERE, *DO_IT, *TELLING)

    assert result.exit_code == 0, result.stderr
    [new] = set(keys(cloud)) - {leaked}
    assert {key_id: key.status for key_id, key in keys(cloud).items()} == {
        leaked: "Inactive",
        new: "Active",
    }
    assert f"new key {new}" in result.stdout
    assert "aws iam put-user-policy --user-name orders" in result.stdout
    [policy] = re.findall(r"--policy-document '(.*)'", result.stdout)
    [statement] = json.loads(policy)["Statement"]
    until = datetime.fromisoformat(statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"])
    stopped, *_ = [call.at for call in cloud.calls if call.operation == "UpdateAccessKey"]
    assert timedelta(0) < until - stopped < timedelta(minutes=2)
    assert f"AttributeKey=AccessKeyId,AttributeValue={leaked}" in result.stdout
    assert cloud.secret_values()[new] not in result.output + str(entries(cloud))
    [entry] = entries(cloud)
    assert (entry["command"], entry["outcome"]) == ("revoke", "done")
    assert entry["said"][0].endswith(f"new key {new}")


def test_a_second_revocation_stops_the_key_once_more(cloud: LocalCloud) -> None:
    [leaked] = add_user(cloud, SHOP, "orders", 12)
    keyturn("revoke", leaked, "--leaked", *IN_THE_SHOP, *DO_IT, *TELLING)
    before = written(cloud)

    result = keyturn("revoke", leaked, "--leaked", *IN_THE_SHOP, *DO_IT, *TELLING)

    assert result.exit_code == 0
    assert "it is revoked already" in result.stdout
    # IAM's list may be half a minute old: a key that a person has just enabled looks Inactive.
    assert [made for made in written(cloud)[len(before) :] if made != "PutObject"] == [
        "UpdateAccessKey"
    ]


def test_a_revoked_key_is_not_enabled_by_a_mere_restore(cloud: LocalCloud) -> None:
    [leaked] = add_user(cloud, SHOP, "orders", 12)
    keyturn("revoke", leaked, "--leaked", *IN_THE_SHOP, *DO_IT, *TELLING)

    result = keyturn("restore", leaked, *IN_THE_SHOP, *DO_IT, *TELLING)

    assert result.exit_code == 1
    assert f"{leaked} was revoked as leaked on 2026-03-02" in result.stderr
    assert keys(cloud)[leaked].status == "Inactive"


def test_an_exempt_users_leaked_key_is_stopped_and_the_rest_needs_an_express_word(
    cloud: LocalCloud,
) -> None:
    [leaked] = add_user(cloud, SHOP, "orders", 12)
    cloud.session(SHOP).client("iam").add_user_to_group(GroupName=GROUP, UserName="orders")
    order = ("revoke", leaked, "--leaked", *IN_THE_SHOP, *DO_IT, *TELLING)

    stopped = keyturn(*order)
    alone = {key_id: key.status for key_id, key in keys(cloud).items()}
    done = keyturn(*order, "--even-exempt")

    assert stopped.exit_code == 1
    assert f"{leaked} is Inactive; nothing else was done" in stopped.stderr
    assert "--even-exempt" in stopped.stderr
    assert alone == {leaked: "Inactive"}
    assert done.exit_code == 0, done.stderr
    assert len(keys(cloud)) == 2


def test_a_bucket_that_cannot_be_written_to_does_not_hold_a_revocation_and_is_reported(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    [leaked] = add_user(cloud, SHOP, "orders", 12)
    for name, value in environment(cloud.role_session(OURS, "Operator")).items():
        monkeypatch.setenv(name, value)
    cloud.deny(None, "PutObject")

    result = keyturn("revoke", leaked, "--leaked", *IN_THE_SHOP, *DO_IT, "--bucket", BUCKET)

    assert keys(cloud)[leaked].status == "Inactive"
    assert result.exit_code == 1
    assert "an audit entry could not be written: PutObject: AccessDenied" in result.stderr


def test_what_of_a_revocation_could_not_be_done_is_said_and_on_record(cloud: LocalCloud) -> None:
    [leaked] = add_user(cloud, SHOP, "orders", 12)
    cloud.session(SHOP).client("secretsmanager").create_secret(Name=SECRET, SecretString="theirs")
    order = ("revoke", leaked, "--leaked", *IN_THE_SHOP, *TELLING)

    shown = keyturn(*order)
    result = keyturn(*order, *DO_IT)

    assert "nothing is put on record: the secret of that name was not made" in shown.stdout
    assert result.exit_code == 1
    assert keys(cloud)[leaked].status == "Inactive"
    assert f"{leaked} is Inactive, but nothing could be put on record" in result.stderr
    assert "Fix the cause, wait 15 minutes and run the command again" in result.stderr
    [entry] = entries(cloud)
    assert entry["outcome"] == "failed"
    assert "nothing could be put on record" in entry["said"][-1]


# --- rotate -------------------------------------------------------------------------------


def test_a_key_is_rotated_at_any_age_and_nobody_elses(cloud: LocalCloud) -> None:
    [old] = add_user(cloud, SHOP, "orders", 10)
    add_user(cloud, SHOP, "old", 500)

    result = keyturn("rotate", "orders", *IN_THE_SHOP, *DO_IT, *TELLING)

    assert result.exit_code == 0, result.stderr
    assert sorted(key.user for key in cloud.keys(SHOP)) == ["old", "orders", "orders"]
    assert keys(cloud)[old].status == "Active"
    [entry] = entries(cloud)
    assert (entry["command"], entry["user"], entry["outcome"]) == ("rotate", "orders", "done")
    listed = {c.params.get("UserName") for c in cloud.calls if c.operation == "ListAccessKeys"}
    assert listed == {"orders"}


def test_a_dry_rotation_is_only_shown(cloud: LocalCloud) -> None:
    [old] = add_user(cloud, SHOP, "orders", 10)

    result = keyturn("rotate", "orders", *IN_THE_SHOP)

    assert result.exit_code == 0, result.stderr
    assert re.search(rf"Due now: 1 key(?s:.*){old}.*ROTATE", result.stdout)
    assert written(cloud) == []
    assert list(keys(cloud)) == [old]
    assert entries(cloud) == []


def test_a_rotation_that_cannot_be_is_a_failure_with_the_reason(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 10, 20)

    result = keyturn("rotate", "orders", *IN_THE_SHOP, *DO_IT, *TELLING)
    nobody = keyturn("rotate", "ordrs", *IN_THE_SHOP, *DO_IT, *TELLING)

    assert (result.exit_code, nobody.exit_code) == (1, 1)
    assert "nothing to rotate" in result.stderr
    assert "its user has a second key" in result.stderr
    assert "the account has no user ordrs" in nobody.stderr
    assert written(cloud) == []


def test_a_rotation_waits_for_a_bucket_that_takes_its_entry(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 10)
    cloud.deny(None, "PutObject")

    order = ("rotate", "orders", "--role-name", ROLE, "--account", SHOP)
    result = keyturn(*order, *DO_IT, "--notify", "ses", "--bucket", "lost", "--admin", ADMIN)

    assert result.exit_code == 1
    assert len(keys(cloud)) == 1


# --- adopt --------------------------------------------------------------------------------


def foreign(cloud: LocalCloud, **tags: str) -> None:
    """Somebody else's secret of the name that orders's would have."""
    cloud.session(SHOP).client("secretsmanager").create_secret(
        Name=SECRET,
        SecretString="of-an-earlier-owner",
        Tags=[{"Key": name.replace("__", ":"), "Value": value} for name, value in tags.items()],
    )
    # Before, the list of secrets may lack it, and it is taken for another run's.
    cloud.move_to(cloud.now + timedelta(minutes=16))


def test_a_secret_is_shown_and_adopted_and_then_rotated_into(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)
    gone = "AKIAIOSFODNN7EXAMPLE"
    foreign(cloud, team="shop", **{"keyturn__user": "orders", f"keyturn__key__{gone}": "x"})
    due = ("run", *IN_THE_SHOP, *DO_IT, *TELLING)

    blocked = keyturn(*due)
    shown = keyturn("adopt", SECRET, *EVERYWHERE)
    before = [each.tags for each in cloud.secrets(SHOP)]
    result = keyturn("adopt", SECRET, *EVERYWHERE, *DO_IT, "--bucket", BUCKET)
    [adopted] = cloud.secrets(SHOP)
    rotated = keyturn(*due)

    assert "an operator has to adopt" in blocked.stdout
    for fact in ("belongs to an earlier user", "team = shop", "Versions +1", f"{gone}"):
        assert re.search(fact, shown.stdout), fact
    assert re.findall(r"^ +(\d+)\. secretsmanager:(\w+)", shown.stdout, re.MULTILINE) == [
        ("1", "UntagResource"),
        ("2", "TagResource"),
    ]
    assert "of-an-earlier-owner" not in shown.output + result.output
    assert "GetSecretValue" not in {call.operation for call in cloud.calls}
    assert before == [{"team": "shop", "keyturn:user": "orders", f"keyturn:key:{gone}": "x"}]
    assert result.exit_code == 0, result.stderr
    user_id = next(u["UserId"] for u in users(cloud) if u["UserName"] == "orders")
    seal = adopted.tags["keyturn:seal"]
    own = {"keyturn:user": "orders", "keyturn:user-id": user_id, "keyturn:seal": seal}
    assert adopted.tags == {"team": "shop", **own}
    assert len(keys(cloud)) == 2, rotated.output
    [entry] = [each for each in entries(cloud) if each["command"] == "adopt"]
    assert (entry["command"], entry["secret"], entry["outcome"]) == ("adopt", SECRET, "done")


def users(cloud: LocalCloud) -> list[Any]:
    return list(cloud.session(SHOP).client("iam").list_users()["Users"])


def test_stale_tags_go_before_the_secret_becomes_ours(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)
    foreign(cloud, keyturn__intent="run=x at=2026-01-01T00:00:00Z seen=A replaces=A")
    cloud.session(SHOP).client("secretsmanager").delete_secret(SecretId=SECRET)
    cloud.calls.clear()

    result = keyturn("adopt", SECRET, *EVERYWHERE, *DO_IT)

    assert result.exit_code == 0, result.stderr
    assert written(cloud) == ["RestoreSecret", "UntagResource", "TagResource"]
    [secret] = cloud.secrets(SHOP)
    assert "keyturn:intent" not in secret.tags


def test_what_is_on_record_for_a_living_key_is_kept(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 137)
    foreign(cloud, **{f"keyturn__key__{key}": "restored=2026-02-27T05:00:00Z"})

    keyturn("adopt", SECRET, *EVERYWHERE, *DO_IT)

    [secret] = cloud.secrets(SHOP)
    assert secret.tags[f"keyturn:key:{key}"] == "restored=2026-02-27T05:00:00Z"


def test_a_secret_that_is_ours_is_left_as_it_is(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)
    keyturn("run", *IN_THE_SHOP, *DO_IT, *TELLING)
    before = written(cloud)

    result = keyturn("adopt", SECRET, *EVERYWHERE, *DO_IT)

    assert result.exit_code == 0
    assert "Keyturn's already" in result.stdout
    assert written(cloud) == before


@pytest.mark.parametrize(
    ("secret", "more", "code", "why"),
    [
        ("orders", (), 2, "must be Account_<account id>_User_<user>_AccessKey"),
        (SECRET, ("--account", OURS), 2, f"is not the secret's, {SHOP}"),
        (f"Account_{SHOP}_User_nobody_AccessKey", (), 1, "the account has no user nobody"),
        (f"Account_{SHOP}_User_eve_AccessKey", (), 1, "there is no secret"),
        (
            SECRET,
            ("--secrets-kms-key", "alias/keys"),
            1,
            f"aws secretsmanager update-secret --secret-id {SECRET} --kms-key-id alias/keys",
        ),
    ],
)
def test_what_cannot_be_adopted_is_refused_with_the_reason(
    cloud: LocalCloud, secret: str, more: tuple[str, ...], code: int, why: str
) -> None:
    add_user(cloud, SHOP, "orders", 137)
    add_user(cloud, SHOP, "eve", 5)
    foreign(cloud)

    own_key = "--secrets-kms-key" in more
    secrets = () if own_key else ("--secrets-kms-key", "aws/secretsmanager")

    result = keyturn("adopt", secret, *EVERYWHERE, *NOW_DO_IT, *SEALED, *secrets, *more)

    assert (result.exit_code, why in result.stderr) == (code, True), result.stderr
    assert written(cloud) == []


def test_without_an_exemption_group_an_adoption_is_shown_and_not_done(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)
    foreign(cloud)
    cloud.session(SHOP).client("iam").delete_group(GroupName=GROUP)

    shown = keyturn("adopt", SECRET, *EVERYWHERE)
    done = keyturn("adopt", SECRET, *EVERYWHERE, *DO_IT)

    assert shown.exit_code == 0
    assert "Dry run: nothing was written." in shown.stderr
    assert done.exit_code == 1
    assert "the exemption group" in done.stderr
    assert written(cloud) == ["DeleteGroup"]


def test_an_exempt_users_secret_is_not_adopted(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)
    foreign(cloud)
    cloud.session(SHOP).client("iam").add_user_to_group(GroupName=GROUP, UserName="orders")

    result = keyturn("adopt", SECRET, *EVERYWHERE, *DO_IT)

    assert result.exit_code == 1
    assert "orders is exempt" in result.stderr
    assert written(cloud) == []


# --- pause and resume ---------------------------------------------------------------------

PLACE = f"s3://{BUCKET}/paused.json"
PAUSE = ("pause", "--bucket", BUCKET, "--reason", "an incident")


def test_one_command_stops_every_write_and_another_lets_them_go_on(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)

    shown = keyturn(*PAUSE)
    untouched = keyturn("resume", "--bucket", BUCKET)
    paused = keyturn(*PAUSE, *NOW_DO_IT)
    held = keyturn("run", *IN_THE_SHOP, *DO_IT, *TELLING)
    during = len(keys(cloud))
    resumed = keyturn("resume", "--bucket", BUCKET, *NOW_DO_IT)
    done = keyturn("run", *IN_THE_SHOP, *DO_IT, *TELLING)

    me = f"arn:aws:sts::{OURS}:assumed-role/Administrator/sandbox"
    assert shown.stdout == untouched.stdout == f"Keyturn is not paused. [{PLACE}]\n"
    assert "Dry run: nothing was written." in shown.stderr
    assert paused.stdout.splitlines()[-1] == (
        f"Keyturn is paused by {me} since 2026-03-02 04:00Z: an incident [{PLACE}]"
    )
    assert (held.exit_code, during) == (1, 1)
    assert f"{me} paused Keyturn" in held.stderr
    assert resumed.stdout.splitlines()[-1] == f"Keyturn is not paused. [{PLACE}]"
    assert done.exit_code == 0
    assert len(keys(cloud)) == 2
    told = [(entry["command"], entry["outcome"]) for entry in entries(cloud)]
    runs = [("run", "done"), ("run", "failed")]
    assert sorted(told) == [("pause", "done"), ("resume", "done"), *runs]


def test_a_second_pause_names_the_first_and_is_kept_beside_it(cloud: LocalCloud) -> None:
    keyturn(*PAUSE, *NOW_DO_IT)

    again = keyturn("pause", "--bucket", BUCKET, "--reason", "another", *NOW_DO_IT)

    assert again.exit_code == 0
    *_, first, beside = again.stdout.splitlines()
    assert first.endswith(f": an incident [{PLACE}]")
    assert beside.endswith("asked for a pause too, at 2026-03-02 04:00Z: another")
    assert len(entries(cloud)) == 2
    lifted = keyturn("resume", "--bucket", BUCKET, "--format", "json", *NOW_DO_IT)
    assert ": another" in lifted.stderr
    assert json.loads(lifted.stdout)["paused"] is False


@pytest.mark.parametrize(
    ("denied", "by"),
    [
        ("sts:GetCallerIdentity", "somebody (STS did not say)"),
        ("s3:ListObjectsV2", f"arn:aws:sts::{OURS}:assumed-role/Operator/sandbox"),
    ],
)
def test_nothing_that_cannot_be_read_holds_up_a_stop(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, denied: str, by: str
) -> None:
    for name, value in environment(cloud.role_session(OURS, "Operator")).items():
        monkeypatch.setenv(name, value)
    denial = cloud.deny(OURS, denied)

    paused = keyturn(*PAUSE, *NOW_DO_IT)
    again = keyturn(*PAUSE, *NOW_DO_IT)

    assert "Keyturn is paused by" in paused.stdout, paused.stderr
    assert again.stdout.splitlines()[-1] == paused.stdout.splitlines()[-1]
    denial.lift()
    [line] = keyturn(*PAUSE).stdout.splitlines()
    assert line == f"Keyturn is paused by {by} since 2026-03-02 04:00Z: an incident [{PLACE}]"


def test_a_dry_pause_that_cannot_tell_how_things_stand_fails(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(cloud.role_session(OURS, "Operator")).items():
        monkeypatch.setenv(name, value)
    cloud.deny(OURS, "s3:ListObjectsV2")

    assert keyturn(*PAUSE).exit_code == 1


def test_an_order_is_refused_during_a_pause_with_who_and_why(cloud: LocalCloud) -> None:
    [key] = add_user(cloud, SHOP, "orders", 12)
    cloud.session(SHOP).client("iam").update_access_key(
        UserName="orders", AccessKeyId=key, Status="Inactive"
    )
    keyturn(*PAUSE, *NOW_DO_IT)
    order = ("restore", key, *IN_THE_SHOP, *DO_IT, *TELLING)

    refused = keyturn(*order)
    untouched = keys(cloud)[key].status
    done = keyturn(*order, "--even-paused")

    assert refused.exit_code == 1
    assert "paused Keyturn at 2026-03-02 04:00Z (an incident)" in refused.stderr
    assert "--even-paused" in refused.stderr
    assert untouched == "Inactive"
    assert done.exit_code == 0, done.stderr
    assert keys(cloud)[key].status == "Active"


def test_a_leaked_key_is_stopped_during_a_pause_and_the_rest_waits(cloud: LocalCloud) -> None:
    [leaked] = add_user(cloud, SHOP, "orders", 12)
    keyturn(*PAUSE, *NOW_DO_IT)
    order = ("revoke", leaked, "--leaked", *IN_THE_SHOP, *DO_IT, *TELLING)

    stopped = keyturn(*order)
    alone = {key_id: key.status for key_id, key in keys(cloud).items()}
    done = keyturn(*order, "--even-paused")

    assert stopped.exit_code == 1
    assert "paused Keyturn at 2026-03-02 04:00Z (an incident)" in stopped.stderr
    assert "--even-paused" in stopped.stderr
    assert alone == {leaked: "Inactive"}
    assert done.exit_code == 0, done.stderr
    assert len(keys(cloud)) == 2


def test_nothing_is_adopted_during_a_pause(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "orders", 137)
    foreign(cloud, team="shop")
    keyturn(*PAUSE, *NOW_DO_IT)
    order = ("adopt", SECRET, *EVERYWHERE, *DO_IT, "--bucket", BUCKET)

    refused = keyturn(*order)
    before = [each.tags for each in cloud.secrets(SHOP)]
    done = keyturn(*order, "--even-paused")

    assert refused.exit_code == 1
    assert before == [{"team": "shop"}]
    assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize(
    "denied",
    [
        "iam:GetGroup",
        "iam:ListUsers",
        "iam:ListAccessKeys",
        "secretsmanager:DescribeSecret",
        "s3:ListObjectsV2",
        "s3:PutObject",
        "organizations:ListAccounts",
    ],
)
def test_a_leaked_key_is_stopped_whatever_may_not_be_read(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, denied: str
) -> None:
    [leaked] = add_user(cloud, SHOP, "orders", 12)
    for name, value in environment(cloud.role_session(OURS, "Operator")).items():
        monkeypatch.setenv(name, value)
    cloud.deny(None, denied)

    result = keyturn("revoke", leaked, "--leaked", *IN_THE_SHOP, *DO_IT, "--bucket", BUCKET)

    assert keys(cloud)[leaked].status == "Inactive", result.stderr
    assert (result.exit_code == 1) is (denied != "organizations:ListAccounts")


def test_a_pause_that_cannot_be_read_holds_no_leaked_key(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    [leaked] = add_user(cloud, SHOP, "orders", 12)
    for name, value in environment(cloud.role_session(OURS, "Operator")).items():
        monkeypatch.setenv(name, value)
    cloud.deny(OURS, "s3:ListObjectsV2")
    order = ("revoke", leaked, "--leaked", *IN_THE_SHOP, *DO_IT, "--bucket", BUCKET)

    stopped = keyturn(*order)
    alone = {key_id: key.status for key_id, key in keys(cloud).items()}
    done = keyturn(*order, "--even-paused")

    assert "whether Keyturn is paused could not be read" in stopped.stderr
    assert alone == {leaked: "Inactive"}
    assert done.exit_code == 0, done.stderr
    assert keys(cloud)[leaked].status == "Inactive"


# --- all of them --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("restore", "deploy-bot"), "KEY deploy-bot: must be an access key's id"),
        (("rotate", "orders", *EVERYWHERE), "--account: is needed, exactly one"),
        (("rotate", "orders", *IN_THE_SHOP, *DO_IT), "--notify: is needed"),
        (
            ("restore", "AKIAIOSFODNN7EXAMPLE", "--enforce"),
            "--enforce: needs --yes where there is no terminal to ask on",
        ),
        (
            ("restore", "AKIAIOSFODNN7EXAMPLE", *IN_THE_SHOP, "--account", OURS),
            "--account: is one account at most here",
        ),
        (("restore", "AKIAIOSFODNN7EXAMPLE", "--notify", "ses"), "S3BucketName"),
        (
            ("pause", "--bucket", BUCKET, *NOW_DO_IT),
            "--reason: is needed: it is shown to those who are held up",
        ),
        (("pause", "--reason", "x", *NOW_DO_IT), "--bucket: is needed: there all runs look"),
    ],
)
def test_bad_usage_is_refused_before_anything_is_asked_of_aws(
    cloud: LocalCloud, args: tuple[str, ...], why: str
) -> None:
    before = len(cloud.calls)

    result = keyturn(*args)

    assert result.exit_code == 2, result.output
    assert why.replace("S3BucketName", "--bucket") in result.stderr
    assert len(cloud.calls) == before


@pytest.mark.parametrize("width", [80, 120])
def test_the_facts_of_an_order_fit_the_terminal(cloud: LocalCloud, width: int) -> None:
    [leaked] = add_user(cloud, SHOP, "orders", 12)

    result = keyturn("revoke", leaked, "--leaked", *IN_THE_SHOP, width=width)

    table = result.stdout.split("\n\n")[0]
    assert leaked in table
    assert max(map(len, table.splitlines())) <= width


def test_the_dates_of_a_revocation_are_kept_by_the_daily_runs(cloud: LocalCloud) -> None:
    [leaked] = add_user(cloud, SHOP, "orders", 12)
    keyturn("revoke", leaked, "--leaked", *IN_THE_SHOP, *DO_IT, *TELLING)

    left = []
    for day in range(1, 12):
        cloud.move_to(NOW + day * DAY)
        keyturn("run", *IN_THE_SHOP, *DO_IT, *TELLING)
        if leaked in keys(cloud):
            left.append(day)

    assert left == list(range(1, 10))
