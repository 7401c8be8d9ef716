"""The settings: what is taken, what is refused, and that nothing is guessed."""

from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from keyturn.domain.errors import InvalidValue
from keyturn.domain.policy import ProofOfNotice, RotationPolicy
from keyturn.domain.recipient import ChannelName
from keyturn.settings import PARAMETERS, Settings

# What operators have in their scripts (spec/aws.md), as far as the functions read it.
FIXED = {
    "S3BucketName",
    "S3BucketPrefix",
    "AdminEmailAddress",
    "OrgListAccount",
    "DryRunFlag",
    "RotationPeriod",
    "InactivePeriod",
    "RecoveryGracePeriod",
    "IAMExemptionGroup",
    "ResourceOwnerTag",
    "InventoryOU",
    "IAMRoleName",
    "OrgListRole",
}


def test_settings_go_by_the_names_that_operators_know() -> None:
    assert set(PARAMETERS.values()) >= FIXED


def test_without_any_setting_it_is_a_dry_run_by_the_default_policy() -> None:
    settings = Settings.read({})

    assert settings == Settings()
    assert settings.dry_run is True
    assert settings.policy == RotationPolicy()
    assert (
        settings.policy.rotation_period,
        settings.policy.inactive_period,
        settings.policy.recovery_grace_period,
    ) == (90, 100, 10)
    assert settings.exemption_group == "IAMKeyRotationExemptionGroup"
    assert settings.policy.allow_missing_exemption_group is False


def test_an_empty_value_is_the_default_and_the_rest_of_the_environment_is_none_of_ours() -> None:
    given = dict.fromkeys(PARAMETERS.values(), "") | {"PATH": "/bin"}

    assert Settings.read(given) == Settings()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("True", True),
        ("TRUE", True),
        (" true ", True),
        (True, True),
        ("false", False),
        ("False", False),
        (False, False),
    ],
    ids=repr,
)
def test_a_flag_is_true_or_false_in_any_case(text: object, value: bool) -> None:
    assert Settings.read({"DryRunFlag": text}).dry_run is value


@pytest.mark.parametrize(
    "text", ["ja", "yes", "no", "on", "0", "1", 0, 1, "tru", "None", "-"], ids=repr
)
def test_anything_else_is_an_error_and_never_a_guess(text: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        Settings.read({"DryRunFlag": text})

    assert str(refused.value) == f"DryRunFlag={text}: must be true or false"
    assert (refused.value.field, refused.value.value) == ("DryRunFlag", text)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"RotationPeriod": "0"}, "RotationPeriod=0: must be at least 1 day"),
        ({"RotationPeriod": "-1"}, "RotationPeriod=-1: must be at least 1 day"),
        ({"RotationPeriod": "9.5"}, "RotationPeriod=9.5: must be a whole number of days"),
        ({"RotationPeriod": "ninety"}, "RotationPeriod=ninety: must be a whole number of days"),
        ({"RotationPeriod": "1" * 9}, f"RotationPeriod={'1' * 9}: must be at most 36500 days"),
        (
            {"InactivePeriod": "80"},
            "InactivePeriod=80: must be greater than RotationPeriod=90",
        ),
        (
            {"InactivePeriod": "90"},
            "InactivePeriod=90: must be greater than RotationPeriod=90",
        ),
        (
            {"RotationPeriod": "100"},
            "InactivePeriod=100: must be greater than RotationPeriod=100",
        ),
        ({"RecoveryGracePeriod": "0"}, "RecoveryGracePeriod=0: must be at least 1 day"),
        ({"UnusedPeriod": "0"}, "UnusedPeriod=0: must be at least 1 day"),
        ({"MaxHold": "-3"}, "MaxHold=-3: must be at least 1 day"),
        ({"WarnDays": "14,soon"}, "WarnDays=14,soon: must be whole days, separated by commas"),
        ({"AdminEmailAddress": "ops"}, "AdminEmailAddress=ops: must be an e-mail address"),
        (
            {"AdminEmailAddress": "ops@localhost"},
            "AdminEmailAddress=ops@localhost: must be an e-mail address",
        ),
        (
            {"AdminEmailAddress": "Ops<ops@example.com>"},
            "AdminEmailAddress=Ops<ops@example.com>: must be an e-mail address",
        ),
        (
            {"OrgListAccount": "22"},
            "OrgListAccount=22: must be the 12 digits of an AWS account id",
        ),
        (
            {"InventoryOU": "Prod"},
            "InventoryOU=Prod: must be the id of an organisational unit (ou-…) or root (r-…)",
        ),
        (
            {"InventoryOU": "ou-ab12-cdef3456, Prod"},
            (
                "InventoryOU=ou-ab12-cdef3456, Prod: Prod must be the id of an organisational "
                "unit (ou-…) or root (r-…)"
            ),
        ),
        (
            {"ExcludedAccounts": "22222222222"},
            "ExcludedAccounts=22222222222: must be the 12 digits of an AWS account id",
        ),
        (
            {"ExcludedAccounts": "222222222222,x"},
            "ExcludedAccounts=222222222222,x: x must be the 12 digits of an AWS account id",
        ),
        (
            {"ExcludedUnits": "222222222222"},
            (
                "ExcludedUnits=222222222222: must be the id of an organisational unit (ou-…) or "
                "root (r-…)"
            ),
        ),
        (
            {"ExternalId": "x"},
            "ExternalId=x: must be 2 to 1224 letters, digits and _+=,.@:/-",
        ),
        (
            {"HelpLink": "http://wiki.example.com"},
            "HelpLink=http://wiki.example.com: must be an https:// link",
        ),
        (
            {"OrganizationName": "Sign in at https://evil.example"},
            (
                "OrganizationName=Sign in at https://evil.example: must be one line without a "
                "link, and not blank"
            ),
        ),
        (
            {"MailSubjectPrefix": "[keys]\nBcc: all@example.com"},
            (
                "MailSubjectPrefix=[keys]\nBcc: all@example.com: must be one line of ASCII "
                "without a link, and not blank"
            ),
        ),
        (
            {"MailRegion": "Frankfurt"},
            "MailRegion=Frankfurt: must be the name of an AWS region",
        ),
        *(
            (
                {"ResourceOwnerTag": tag},
                (
                    f"ResourceOwnerTag={tag}: must be the key of one tag, without a comma or a "
                    "blank at its end"
                ),
            )
            for tag in ("owner,team", "owner;team", "owner ", "own*", "o" * 129)
        ),
        (
            {"AllowedOwnerDomains": "example.com,@example.org"},
            (
                "AllowedOwnerDomains=example.com,@example.org: @example.org must be a domain: "
                "example.com, or *.example.com for those below it"
            ),
        ),
        ({"ProofOfNotice": "delivered"}, "ProofOfNotice=delivered: must be Accepted or Delivered"),
        ({"ProvingChannels": "slack"}, "ProvingChannels=slack: must be email, or email,slack"),
        (
            {"ProvingChannels": "email,webhook"},
            "ProvingChannels=email,webhook: must be email, or email,slack",
        ),
        ({"RetireInUse": "maybe"}, "RetireInUse=maybe: must be true or false"),
        (
            {"AllowMissingExemptionGroup": "2"},
            "AllowMissingExemptionGroup=2: must be true or false",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_itself_and_the_rule(
    given: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        Settings.read(given)

    assert str(refused.value) == message


@pytest.mark.parametrize(
    "given",
    [
        {"RotationPeriod": "75", "InactivePeriod": "85"},
        {"RotationPeriod": "1", "InactivePeriod": "2", "RecoveryGracePeriod": "1"},
        {"RotationPeriod": " 90 "},
        {"InventoryOU": "r-ab12"},
        {"InventoryOU": "ou-ab12-cdef3456"},
    ],
)
def test_what_keeps_the_rules_is_taken(given: dict[str, str]) -> None:
    settings = Settings.read(given)

    if "RotationPeriod" in given:
        assert settings.policy.rotation_period == int(given["RotationPeriod"])


@pytest.mark.parametrize("external_id", ["ab", 1224 * "x", "a+b=c,d.e@f:g/h-i_j"])
def test_an_external_id_is_what_sts_takes(external_id: str) -> None:
    assert Settings.read({"ExternalId": external_id}).external_id == external_id


def test_an_external_id_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidValue, match="ExternalId"):
        Settings.read({"ExternalId": 1225 * "x"})


def test_units_and_exclusions_are_lists_each_value_once() -> None:
    scope = Settings.read(
        {
            "InventoryOU": "ou-ab12-cdef3456, r-ab12,ou-ab12-cdef3456,",
            "ExcludedAccounts": "222222222222 ,333333333333",
            "ExcludedUnits": "ou-ab12-00000000",
        }
    ).scope

    assert scope.units == ("ou-ab12-cdef3456", "r-ab12")
    assert scope.excluded_accounts == ("222222222222", "333333333333")
    assert scope.excluded_units == ("ou-ab12-00000000",)


def test_days_of_warning_are_sorted_and_what_says_nothing_is_left_out() -> None:
    settings = Settings.read({"WarnDays": "1, 14,0,-3, 7,14,"})

    assert settings.policy.warn_days == (14, 7, 1)


def test_what_is_needed_and_not_set_is_named() -> None:
    settings = Settings.read({"S3BucketName": "reports"})
    settings.needs("S3BucketName")

    with pytest.raises(InvalidValue, match="EventBusName=: is needed here and not set"):
        settings.needs("S3BucketName", "EventBusName")


def test_a_policy_that_deserves_a_second_thought_says_so() -> None:
    assert Settings.read({"RecoveryGracePeriod": "7"}).policy.warnings == ()
    [warning] = Settings.read({"RecoveryGracePeriod": "6"}).policy.warnings
    assert "RecoveryGracePeriod=6" in warning


def test_home_is_where_the_stack_is_unless_said_otherwise() -> None:
    lambdas = {"AWS_REGION": "eu-west-1"}

    assert Settings.read(lambdas).home_region == "eu-west-1"
    assert Settings.read(lambdas | {"HomeRegion": ""}).home_region == "eu-west-1"
    assert Settings.read(lambdas | {"HomeRegion": "eu-north-1"}).home_region == "eu-north-1"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"MaxHold": "36500"}, True),
        ({"MaxHold": "36501"}, False),
        ({"WarnDays": "14,36500"}, True),
        ({"WarnDays": "14,36501"}, False),
        ({"WarnDays": "14,-36500"}, True),  # of no use, and left out
        ({"WarnDays": "14,-36501"}, False),
        ({"ParallelUsers": "0"}, False),
        ({"ParallelUsers": "1"}, True),
        ({"ParallelUsers": "64"}, True),
        ({"ParallelUsers": "65"}, False),
        ({"MaxKeysPerDay": "0"}, True),
        ({"MaxKeysPerDay": "-1"}, False),
        ({"MaxPercentPerDay": "0"}, True),
        ({"MaxPercentPerDay": "100"}, True),
        ({"MaxPercentPerDay": "101"}, False),
        ({"MaxPercentPerDay": "-1"}, False),
        ({"S3BucketName": "abc"}, True),
        ({"S3BucketName": "ab"}, False),
        ({"S3BucketName": "a" * 63}, True),
        ({"S3BucketName": "a" * 64}, False),
        ({"OrgListAccount": "2" * 12}, True),
        ({"OrgListAccount": "2" * 13}, False),
        ({"InventoryOU": "r-abcd"}, True),
        ({"InventoryOU": "r-abc"}, False),
        ({"InventoryOU": "r-" + "a" * 32}, True),
        ({"InventoryOU": "r-" + "a" * 33}, False),
        ({"InventoryOU": "ou-abcd-" + "e" * 8}, True),
        ({"InventoryOU": "ou-abcd-" + "e" * 7}, False),
        ({"InventoryOU": "ou-abcd-" + "e" * 32}, True),
        ({"InventoryOU": "ou-abcd-" + "e" * 33}, False),
    ],
    ids=str,
)
def test_the_limit_itself_is_taken_and_one_beyond_it_is_not(
    given: dict[str, str], *, taken: bool
) -> None:
    if taken:
        Settings.read(given)
    else:
        with pytest.raises(InvalidValue, match=f"^{next(iter(given))}="):
            Settings.read(given)


# Every setting, and none of them as it is by default.
NOTHING_BY_DEFAULT: dict[str, tuple[str, object]] = {
    "RotationPeriod": ("75", 75),
    "InactivePeriod": ("120", 120),
    "RecoveryGracePeriod": ("9", 9),
    "WarnDays": ("30,3", (30, 3)),
    "UnusedPeriod": ("200", 200),
    "RemoveSecretsAfter": ("40", 40),
    "HoldIfUsedWithin": ("5", 5),
    "MaxHold": ("20", 20),
    "MaxExemption": ("30", 30),
    "EndExemptions": ("True", True),
    "MaxDeferral": ("14", 14),
    "RetireInUse": ("True", True),
    "MaxKeysPerDay": ("3", 3),
    "MaxPercentPerDay": ("7", 7),
    "SpreadDays": ("4", 4),
    "RotateEarlyDays": ("5", 5),
    "AllowMissingExemptionGroup": ("True", True),
    "DryRunFlag": ("False", False),
    "IAMExemptionGroup": ("Spared", "Spared"),
    "IAMRoleName": ("rotator", "rotator"),
    "ResourceOwnerTag": ("Owner", "Owner"),
    "AllowedOwnerDomains": ("example.com,*.example.org", ("example.com", "*.example.org")),
    "ProofOfNotice": ("Delivered", ProofOfNotice.DELIVERED),
    "ProvingChannels": ("slack, email", (ChannelName.EMAIL, ChannelName.SLACK)),
    "SecretsKmsKey": ("alias/secrets", "alias/secrets"),
    "SealKey": ("alias/seal", "alias/seal"),
    "HomeRegion": ("eu-north-1", "eu-north-1"),
    "MailRegion": ("eu-west-1", "eu-west-1"),
    "TeamsWebhookSecretArn": (
        "arn:aws:secretsmanager:us-east-1:222222222222:secret:team-a1B2c3",
        "arn:aws:secretsmanager:us-east-1:222222222222:secret:team-a1B2c3",
    ),
    "JiraUrl": ("https://example.atlassian.net", "https://example.atlassian.net"),
    "JiraSecretArn": (
        "arn:aws:secretsmanager:us-east-1:222222222222:secret:jira-a1B2c3",
        "arn:aws:secretsmanager:us-east-1:222222222222:secret:jira-a1B2c3",
    ),
    "JiraProject": ("KEYS", "KEYS"),
    "JiraIssueType": ("Aufgabe", "Aufgabe"),
    "SlackTokenSecretArn": (
        "arn:aws:secretsmanager:us-east-1:222222222222:secret:bot-a1B2c3",
        "arn:aws:secretsmanager:us-east-1:222222222222:secret:bot-a1B2c3",
    ),
    "SlackWebhookSecretArn": (
        "arn:aws:secretsmanager:us-east-1:222222222222:secret:in-a1B2c3",
        "arn:aws:secretsmanager:us-east-1:222222222222:secret:in-a1B2c3",
    ),
    "SlackAdminChannel": ("C0123ABCD", "C0123ABCD"),
    "WebhookSecretArn": (
        "arn:aws:secretsmanager:us-east-1:222222222222:secret:hook-a1B2c3",
        "arn:aws:secretsmanager:us-east-1:222222222222:secret:hook-a1B2c3",
    ),
    "ConfigurationSet": ("mails", "mails"),
    "ExternalId": ("pass-word", "pass-word"),
    "AdminEmailAddress": ("ops@example.com", "ops@example.com"),
    "S3BucketName": ("a-bucket", "a-bucket"),
    "S3BucketPrefix": ("asa/keys", "asa/keys"),
    "EventBusName": ("keys", "keys"),
    "QueueUrl": ("https://sqs/queue", "https://sqs/queue"),
    "OrgListRole": ("lister", "lister"),
    "OrgListAccount": ("111111111111", "111111111111"),
    "InventoryOU": ("ou-ab12-cdef3456", ("ou-ab12-cdef3456",)),
    "ExcludedAccounts": ("222222222222", ("222222222222",)),
    "ExcludedUnits": ("ou-ab12-00000000", ("ou-ab12-00000000",)),
    "EnforcedAccounts": ("222222222222", ("222222222222",)),
    "OrganizationName": ("Brightwater AG", "Brightwater AG"),
    "HelpLink": ("https://wiki.example.com/keys", "https://wiki.example.com/keys"),
    "MailSubjectPrefix": ("[Keys]", "[Keys]"),
    "NotifierConcurrency": ("4", 4),
    "AdminDigest": ("Daily", "Daily"),
    "DryRunNoticesToOwners": ("False", False),
    "ReportRootKeys": ("True", True),
    "ReportQuarantine": ("True", True),
    "ReadAlternateContacts": ("True", True),
    "ReadCloudTrail": ("True", True),
    "ParallelUsers": ("3", 3),
    "SmtpUsers": ("ses-smtp-user.*,mailer", ("ses-smtp-user.*", "mailer")),
    "SmtpRegions": ("eu-west-1, us-east-1", ("eu-west-1", "us-east-1")),
}


def test_every_setting_arrives_where_it_belongs_and_nowhere_else() -> None:
    plain = _flat(Settings())

    assert set(NOTHING_BY_DEFAULT) == set(PARAMETERS.values())
    for field, name in PARAMETERS.items():
        text, value = NOTHING_BY_DEFAULT[name]
        assert _flat(Settings.read({name: text})) == plain | {field: value}
        assert plain[field] != value


def _flat(settings: Any) -> dict[str, object]:  # noqa: ANN401 -- or a part of them
    """The values of all settings by their fields, those of the policy and the scope among them."""
    found: dict[str, object] = {}
    for each in fields(settings):
        value = getattr(settings, each.name)
        found |= _flat(value) if is_dataclass(value) else {each.name: value}
    return found


@pytest.mark.parametrize("name", sorted(PARAMETERS.values()))
def test_a_value_of_blanks_alone_is_refused_and_never_taken_for_none(name: str) -> None:
    with pytest.raises(InvalidValue, match=f"^{name}=  : must not be blank$"):
        Settings.read({name: "  "})
