"""
A month of an operator, by the commands of the manual: read it from top to bottom.

An organisation of three accounts gets Keyturn on 2 March 2026. Each day at five its functions run,
on the local AWS; each command is typed as docs/ has it, and what the operator sees is asserted.
"""

import csv
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from keyturn.cli.app import app
from keyturn.deployment.model.resources import INVENTORY, ROTATION
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT
from keyturn_sandbox.simulation.deployment import (
    INVENTORY_ROLE,
    LIST_ROLE,
    MEMBER_ROLE,
    ROTATION_ROLE,
    role_arn,
)
from tests.cli.organisation import Functions, environment
from tests.use_cases.harness import GROUP, HUB, MEMBER, Harness, staged

OPERATOR = "Operator"


@dataclass(kw_only=True)
class Operator:
    """Whoever operates Keyturn, at a terminal with the credentials of the security account."""

    stage: Harness
    variables: dict[str, dict[str, str]]
    """What the functions are set to, as `--deployed` reads it."""
    folder: Path
    read_mails: int = 0
    pipeline: str
    """A pipeline's key; its owner reads no mail."""
    bot: str
    """A bot's, whose owner will leave."""
    shop: str

    def types(self, line: str, *, code: int = 0) -> str:
        """Type a command of the manual; what is shown comes back."""
        program, *typed = shlex.split(line)
        assert program == "keyturn"
        result = CliRunner(env={"COLUMNS": "200"}).invoke(app, typed)
        assert result.exit_code == code, f"{line}\n{result.output}"
        return result.output

    def sets(self, **settings: str) -> None:
        """Change parameters of the stack, as docs/deploy.md has it."""
        self.stage.settings |= settings
        self.variables[ROTATION] |= settings

    def lives_through(self, *days: int) -> None:
        """Let the functions have their days, and everybody work with the keys that they have."""
        for day in days:
            self.stage.at(day)
            for key in self.stage.cloud.keys(MEMBER):
                if key.status == "Active" and key.last_used:
                    self.stage.use(key.key_id)
            self.stage.take_inventory()
            self.stage.rotate_queued()
            self.stage.tell()
            self.stage.cloud.move_to(self.stage.cloud.now + timedelta(minutes=20))
            self.reporter_turns()

    def reporter_turns(self, event: Mapping[str, object] | None = None) -> None:
        self.stage.report(event)
        self.stage.tell()

    def mails_to(self, address: str) -> list[str]:
        """Subjects of the mails to an address since they were last looked at."""
        new = self.stage.cloud.sent_mails[self.read_mails :]
        return [mail.subject for mail in new if address in mail.to]

    def keys_of_security(self) -> list[str]:
        """The keys in the security account, which is not in the first stage."""
        return [key.key_id for key in self.stage.cloud.keys(HUB)]

    def works(self, key_id: str) -> bool:
        """Whether a program that has this key gets into AWS."""
        try:
            self.stage.cloud.key_session(key_id).client("sts").get_caller_identity()
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidClientTokenId":
                raise
            return False
        return True

    def key_in_the_secret_of(self, user: str) -> str:
        return self.stage.value(user)["AccessKeyId"]

    def ordered(self, command: str) -> str:
        """What an auditor reads of an order of theirs."""
        return f"ordered by arn:aws:sts::{HUB}:assumed-role/{OPERATOR}/olga, {command}"

    def has_read_the_mails(self) -> None:
        self.read_mails = len(self.stage.cloud.sent_mails)


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Operator]:
    with staged() as stage:
        cloud = stage.cloud
        cloud.add_role(HUB, OPERATOR, HUB)
        for account in (MANAGEMENT_ACCOUNT, HUB):
            cloud.add_role(account, MEMBER_ROLE, HUB)
            cloud.session(account).client("iam").create_group(GroupName=GROUP)
        for account, role, function in (
            *((each, MEMBER_ROLE, ROTATION_ROLE) for each in (MANAGEMENT_ACCOUNT, HUB, MEMBER)),
            (MANAGEMENT_ACCOUNT, LIST_ROLE, INVENTORY_ROLE),
        ):
            trust(stage, account, role, function)
        stage.settings = {"AdminDigest": "Daily", "ReportQuarantine": "True"}
        variables = {INVENTORY: {}, ROTATION: {**stage.deployment.settings, **stage.settings}}
        cloud.layers.append(Functions(variables, account=HUB))
        own = environment(cloud.role_session(HUB, OPERATOR, "olga"))
        for name in set(os.environ) - set(own):
            monkeypatch.delenv(name)
        for name, value in own.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        [pipeline] = stage.user("ci-runner", 137, Owner="ci@example.com")
        [bot] = stage.user("report-bot", 95, Owner="ann@example.com")
        [shop] = stage.user("web-shop", 40, Owner="web@example.com")
        stage.user("legacy-erp", 400, Owner="erp@example.com")
        stage.exempt("legacy-erp")
        cloud.add_user(HUB, "siem-pull")
        cloud.add_key(HUB, "siem-pull", created=cloud.now - timedelta(days=80))
        yield Operator(
            stage=stage,
            variables=variables,
            folder=tmp_path,
            pipeline=pipeline,
            bot=bot,
            shop=shop,
        )


def trust(stage: Harness, account: str, role: str, function: str) -> None:
    """Let a function's role and the operator assume a role (`OperatorPrincipalArn`)."""
    trusted = {"AWS": [role_arn(HUB, function), role_arn(HUB, OPERATOR)]}
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusted}],
    }
    stage.cloud.session(account).client("iam").update_assume_role_policy(
        RoleName=role, PolicyDocument=json.dumps(policy)
    )


def section(text: str, title: str) -> str:
    return text.partition(f"{title}\n")[2].partition("\n\n")[0]


def test_an_operators_month(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first dry run to the auditor."""
    two_weeks_of_dry_run(operator)
    the_exemption_gets_an_end(operator)
    enforcement_in_one_account_rotates_and_stops_nothing(operator)
    a_new_owner_has_as_much_time_as_the_one_who_left(operator)
    she_puts_the_new_key_in_the_place_of_the_old_one(operator, monkeypatch)
    a_key_has_leaked(operator)
    enforcement_everywhere(operator)
    a_pipeline_breaks_and_gets_its_key_back(operator)
    the_exemption_is_over(operator)
    the_month_is_over(operator)
    who_stopped_the_pipeline_and_who_let_it_run_again(operator)
    was_the_new_owner_notified_in_time(operator)
    what_was_done_about_the_leak_and_on_whose_order(operator)
    is_all_this_what_it_was(operator)


def two_weeks_of_dry_run(operator: Operator) -> None:
    """2 to 15 March: every account is seen, and nothing is written."""
    operator.sets(DryRunFlag="True")
    operator.lives_through(*range(14))

    assert operator.stage.writes() == []
    seen = operator.types("keyturn digest --deployed")
    assert "Accounts: 3 looked after, of 3 listed" in seen
    assert "Would be done, in 3 accounts in dry run: 3 ROTATE" in seen
    assert "3 accounts, 5 users" in operator.types("keyturn plan --deployed --all --over-age 90")
    owners = operator.types("keyturn owners show --deployed --missing")
    assert "0 without a known owner" in owners
    mails = operator.mails_to("ci@example.com")
    assert len(mails) == 2, "one a week"
    assert all("[dry run]" in mail for mail in mails)


def the_exemption_gets_an_end(operator: Operator) -> None:
    """So that it does not last for ever."""
    added = operator.types(
        f"keyturn exemptions add --deployed --account {MEMBER} --user legacy-erp "
        "--ticket SEC-1234 --owner erp@example.com --reason 'until the new release' --days 12 "
        "--enforce --yes"
    )

    assert "+  expiry: 2026-03-27" in added


def enforcement_in_one_account_rotates_and_stops_nothing(operator: Operator) -> None:
    """16 March: the first stage. Every other account stays in dry run."""
    operator.has_read_the_mails()
    stage = operator.types(f"keyturn plan --deployed --enforced-accounts {MEMBER}")
    assert "EnforcedAccounts: 1 of 3 accounts enforced where a run enforces" in stage
    operator.sets(DryRunFlag="False", EnforcedAccounts=MEMBER)
    operator.lives_through(14)

    rotated = operator.types("keyturn plan --deployed --state ROTATED")
    assert "it works until 2026-03-26" in rotated
    assert operator.mails_to("ci@example.com") == [
        "[AWS access keys] Install the new access key of ci-runner before 26 March (account prod)"
    ]
    assert "The exemption of legacy-erp ends on" in operator.mails_to("erp@example.com")[0]
    assert all(map(operator.works, (operator.pipeline, operator.bot, operator.shop)))
    done = operator.types("keyturn digest --deployed")
    assert "Would be done, in 2 accounts in dry run: 1 ROTATE" in done
    assert len(operator.keys_of_security()) == 1


def a_new_owner_has_as_much_time_as_the_one_who_left(operator: Operator) -> None:
    """20 March: Ann has left, and the bot is Bea's."""
    operator.has_read_the_mails()
    operator.lives_through(15, 16, 17)
    bea = [{"Key": "Owner", "Value": "bea@example.com"}]
    operator.stage.iam().tag_user(UserName="report-bot", Tags=bea)
    operator.lives_through(18)

    assert operator.mails_to("bea@example.com") == [
        "[AWS access keys] Install the new access key of report-bot before 30 March (account prod)"
    ]


def she_puts_the_new_key_in_the_place_of_the_old_one(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On her own machine."""
    stage = operator.stage
    with monkeypatch.context() as own:
        sit_down(stage, operator.folder, own, operator.bot)
        picked = operator.types("keyturn pickup --source-profile admin")

        new = operator.key_in_the_secret_of("report-bot")
        assert f"new key: {new} (report-bot in {MEMBER}, made on 2026-03-16)" in picked
        assert boto3.Session(profile_name="default").client("sts").get_caller_identity()
        for file in operator.folder.glob("credentials*"):
            file.unlink()
    stage.use(new)


def a_key_has_leaked(operator: Operator) -> None:
    """22 March: AWS has found it in public. The digest says so, with the order to give."""
    stage, leaked = operator.stage, operator.shop
    operator.lives_through(19)
    stage.cloud.iam_rules.quarantined[MEMBER, "web-shop"] = "AWSCompromisedKeyQuarantineV3"
    operator.lives_through(20)

    digest = operator.types("keyturn digest --deployed")
    assert f"Revoke it: keyturn revoke {leaked} --leaked" in digest
    operator.has_read_the_mails()
    revoked = operator.types(f"keyturn revoke {leaked} --leaked --deployed --enforce --yes")
    stage.tell()
    assert "aws iam put-user-policy --user-name web-shop" in revoked, "what is left to be done"
    assert not operator.works(leaked)
    assert operator.works(operator.key_in_the_secret_of("web-shop"))
    assert "leaked, and was revoked" in operator.mails_to("web@example.com")[0]
    stage.cloud.iam_rules.quarantined.clear()  # the support case is closed


def enforcement_everywhere(operator: Operator) -> None:
    """23 March: the second stage."""
    operator.has_read_the_mails()
    operator.sets(EnforcedAccounts="")
    operator.lives_through(21)

    assert len(operator.keys_of_security()) == 2
    assert "dry run" not in operator.types("keyturn digest --deployed")


def a_pipeline_breaks_and_gets_its_key_back(operator: Operator) -> None:
    """26 March: nobody has changed its key."""
    operator.lives_through(22, 23, 24)

    key = operator.pipeline
    assert "not been used yet" in operator.mails_to("ci@example.com")[0], "the last warning"
    assert not operator.works(key)
    why = operator.types(f"keyturn explain ci-runner --deployed --account {MEMBER}")
    assert "it has been Inactive since 2026-03-26 and can be re-enabled until 2026-04-05" in why
    assert "disable of 2026-03-26 to ci@example.com: accepted 2026-03-16" in why
    shown = operator.types(f"keyturn restore {key} --deployed")
    assert "Dry run: nothing was written" in shown
    assert not operator.works(key)
    operator.types(f"keyturn restore {key} --deployed --enforce --yes")
    operator.stage.tell()
    assert operator.works(key)
    assert "re-enabled by an operator" in operator.mails_to("ci@example.com")[-1]


def the_exemption_is_over(operator: Operator) -> None:
    """27 March: its key is left alone; the review says so, and the operator decides."""
    operator.lives_through(25)
    operator.types("keyturn exemptions review --deployed --html review.html --csv review.csv")

    with (operator.folder / "review.csv").open(newline="") as file:
        [member] = csv.DictReader(file)
    said = [member[each] for each in ("user", "standing", "ticket")]
    assert said == ["legacy-erp", "ended", "SEC-1234"]
    operator.types(
        f"keyturn exemptions extend --deployed --account {MEMBER} --user legacy-erp --days 60 "
        "--reason SEC-1301 --enforce --yes"
    )
    assert "2026-05-26" in operator.types("keyturn exemptions list --deployed")


def the_month_is_over(operator: Operator) -> None:
    """30 March: Bea's old key ends, and nobody notices. 1 April: the report."""
    operator.lives_through(26, 27, 28, 29, 30)

    assert not operator.works(operator.bot)
    assert operator.works(operator.key_in_the_secret_of("report-bot"))
    operator.has_read_the_mails()
    operator.reporter_turns({"report": "monthly"})
    [mail] = operator.mails_to(operator.stage.deployment.settings["AdminEmailAddress"])
    assert "(month 2026-03)" in mail
    # There was no Keyturn on the first day, so the month was not seen whole: code 1.
    month = operator.types(
        "keyturn report monthly --period 2026-03 --deployed --csv march.csv", code=1
    )
    assert "no inventory left word" in month
    assert "seen every day: 3" in month
    assert "Rotated: 3\nDisabled: 2\nDeleted: 0\nEnabled again: 1\n" in month
    assert "exempt until 2026-05-26; ticket SEC-1234" in month
    operator.types("keyturn report page --deployed -o page.html")


def who_stopped_the_pipeline_and_who_let_it_run_again(operator: Operator) -> None:
    """An auditor comes, and asks."""
    asked = operator.types(f"keyturn audit --deployed --key {operator.pipeline}")

    ended = section(asked, "Disabled, revoked, deleted")
    assert "was replaced by" in ended
    assert "no order is stored for its run" in ended
    assert operator.ordered("restore") in section(asked, "Who enabled it again")
    notified = section(asked, "Who was notified")
    assert "ci@example.com by email, disable, disable on 2026-03-26" in notified
    assert "legacy-erp" not in asked, "orders about others are not told"
    assert "NOT TO BE TRUSTED" not in asked
    assert "NOT SEEN: CloudTrail was not read" in asked


def was_the_new_owner_notified_in_time(operator: Operator) -> None:
    """Of a key that was somebody else's before."""
    asked = operator.types("keyturn audit --deployed --owner bea@example.com --format timeline")

    hers = [line for line in asked.splitlines() if "bea@example.com by email" in line]
    [disabled] = [line for line in asked.splitlines() if "  disabled  " in line]
    assert hers[0].startswith("2026-03-20")
    assert "disable on 2026-03-30" in hers[0]
    assert disabled.startswith("2026-03-30")


def what_was_done_about_the_leak_and_on_whose_order(operator: Operator) -> None:
    """The third question."""
    asked = operator.types(f"keyturn audit --deployed --user web-shop --account {MEMBER}")

    assert operator.ordered("revoke") in section(asked, "Disabled, revoked, deleted")


def is_all_this_what_it_was(operator: Operator) -> None:
    """The reporter puts the day's orders and reports into the chain; then it is verified."""
    operator.stage.cloud.move_to(operator.stage.cloud.now + timedelta(minutes=20))
    operator.reporter_turns()

    assert operator.types("keyturn audit verify --deployed").startswith("Whole: ")


def sit_down(stage: Harness, folder: Path, own: pytest.MonkeyPatch, key_id: str) -> None:
    """Be Bea at her laptop: a profile with the old key, and one that may read the new one."""
    held = stage.cloud.session(MEMBER).get_credentials()
    assert held is not None
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        own.delenv(name)
    file = folder / "credentials"
    file.touch(mode=0o600)
    file.write_text(
        f"[default]\naws_access_key_id = {key_id}\n"
        f"aws_secret_access_key = {stage.cloud.secret_values()[key_id]}\n"
        f"[admin]\naws_access_key_id = {held.access_key}\n"
        f"aws_secret_access_key = {held.secret_key}\naws_session_token = {held.token}\n"
    )
    own.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    own.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    own.setenv("AWS_REGION", "us-east-1")
    own.setenv("AWS_EC2_METADATA_DISABLED", "true")
