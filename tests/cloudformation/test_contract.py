"""Template and code mean the same: what one sets or watches, the other reads or says."""

import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest

from keyturn.adapters.s3_receipts import CLAIM_LIFE
from keyturn.configuration import BY_NAME
from keyturn.deployment.model.wanted import OPTION_OF
from keyturn.domain.events import SOURCE, EventType
from keyturn.domain.parameter import Parameter, Shape, Unit
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.functions.connect import disconnect
from keyturn.functions.rotation import SPARE_MILLISECONDS
from keyturn.schemas.iam_event import IAM_SOURCE, read_exemption
from keyturn.schemas.rules import QUEUE_HOLDS
from keyturn.settings import PARAMETERS, Settings
from keyturn_sandbox.emulator.cloud import REGION
from keyturn_sandbox.simulation import deployment
from tests.cloudformation.stacks import (
    CHANNELS,
    CORE,
    GIVEN,
    LIST,
    MEMBER,
    MEMBERS,
    REPORTS,
    ROOT,
    SECURITY,
    TEMPLATES,
    Stack,
    template,
)
from tests.use_cases.harness import GROUP, HUB, Harness, staged
from tests.use_cases.harness import MEMBER as STAGED_MEMBER
from tools.package import HANDLERS

FUNCTIONS = (
    "InventoryFunction",
    "RotationFunction",
    "NotifierFunction",
    "ChannelsFunction",
    "ReporterFunction",
)
TEMPLATE_OF = {"ChannelsFunction": CHANNELS, "ReporterFunction": REPORTS}
"""Of the functions that the core template does not make."""
# What only the channels' template takes: all of them off where it is not deployed.
OF_CHANNELS = set(template(CHANNELS)["Parameters"]) - set(template(CORE)["Parameters"])
# What the template makes itself, and no operator gives.
OF_THE_CORE: dict[str, dict[str, str]] = {"QueueUrl": {}, "EventBusName": {}}
"""What another stack has to know by its name, for the core makes it."""
MADE = {"QueueUrl": "RotationQueue", "EventBusName": "EventBus", "SealKey": "SealKey"}


SEEN = datetime(2026, 3, 2, 5, tzinfo=UTC)


def exemption_call(name: str) -> dict[str, Any]:
    """A change of an exemption group, as CloudTrail writes it."""
    return {
        "eventID": "0f5b3c1e-2a7d-4b8e-9c61-4d2f8a7e1b30",
        "eventName": name,
        "eventTime": "2026-03-02T04:58:21Z",
        "userIdentity": {"arn": "arn:aws:iam::333333333333:user/jane"},
        "requestParameters": {
            "groupName": GROUP,
            "newGroupName": "old",
            "userName": "ann",
            "policyName": "open",
        },
    }


def variables(function: str) -> dict[str, Any]:
    """The environment of a function, as the template writes it."""
    made = template(TEMPLATE_OF.get(function, CORE))["Resources"][function]["Properties"]
    found: dict[str, Any] = made["Environment"]["Variables"]
    return found


# --- what is set is read ------------------------------------------------------------------------


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_variable_has_the_name_of_the_parameter_that_it_carries(function: str) -> None:
    named = OF_THE_CORE if function == "ReporterFunction" else {}

    assert {**variables(function), **named} == {
        name: named.get(name, {"Ref": MADE.get(name, name)}) for name in variables(function)
    }


def test_the_reporter_knows_what_the_core_makes_by_its_name() -> None:
    core, reports = Stack(name=CORE), Stack(name=REPORTS)
    [made] = reports.of_type("AWS::Lambda::Function").values()
    given = made["Environment"]["Variables"]
    queue = core.of_type("AWS::SQS::Queue")["RotationQueue"]["QueueName"]
    [bus] = core.of_type("AWS::Events::EventBus").values()

    assert set(OF_THE_CORE) < set(variables("ReporterFunction"))
    assert given["EventBusName"] == bus["Name"]
    assert given["QueueUrl"] == f"https://sqs.us-east-1.amazonaws.com/{SECURITY}/{queue}"


def test_every_setting_can_be_set_and_nothing_is_set_that_is_no_setting() -> None:
    assert set().union(*map(variables, FUNCTIONS)) == set(PARAMETERS.values())


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        stage.settings["AWS_REGION"] = REGION  # as Lambda does
        disconnect()
        yield stage


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The parameters of the settings that are looked at from here on."""
    found: set[str] = set()
    of_policy = {each.name for each in fields(RotationPolicy)}

    def looked_at(settings: Settings, name: str) -> object:
        if name == "policy":
            found.update(PARAMETERS[each] for each in of_policy)
        elif name in PARAMETERS:
            found.add(PARAMETERS[name])
        return object.__getattribute__(settings, name)

    monkeypatch.setattr(Settings, "__getattribute__", looked_at)
    return found


def test_the_inventory_is_given_what_it_reads(stage: Harness, read: set[str]) -> None:
    stage.take_inventory()

    assert set(variables("InventoryFunction")) == read


def test_the_rotation_is_given_what_it_reads(stage: Harness, read: set[str]) -> None:
    stage.user("ann", 137)
    # So short a time that it hands back, too.
    stage.invoke()

    assert set(variables("RotationFunction")) == (read | {"QueueUrl"})


def test_the_notifier_is_given_what_it_reads(stage: Harness, read: set[str]) -> None:
    stage.user("ann", 137)
    stage.invoke()
    stage.cloud.pass_on(
        STAGED_MEMBER,
        IAM_SOURCE,
        "AWS API Call via CloudTrail",
        exemption_call("AddUserToGroup"),
        bus=stage.deployment.bus,
    )
    disconnect()
    read.clear()

    stage.tell()

    assert set(variables("NotifierFunction")) == read


def test_the_channels_are_given_what_they_read(stage: Harness, read: set[str]) -> None:
    queue = deployment.deploy_channels(stage.cloud, stage.deployment)
    stage.user("ann", 137)
    stage.invoke()
    stage.cloud.pass_on(
        STAGED_MEMBER,
        IAM_SOURCE,
        "AWS API Call via CloudTrail",
        exemption_call("AddUserToGroup"),
        bus=stage.deployment.bus,
    )
    for each in ("WebhookSecretArn", "SlackTokenSecretArn", "JiraSecretArn"):
        stage.settings[each] = f"arn:aws:secretsmanager:{REGION}:{HUB}:secret:none-abcdef"
    stage.settings["JiraUrl"] = "https://jira.example.com"
    disconnect()
    read.clear()

    stage.say(queue, rounds=1)

    # Where a bot speaks in Slack, nobody asks for a webhook.
    assert set(variables("ChannelsFunction")) == read | {"SlackWebhookSecretArn"}


def test_the_reporter_is_given_what_it_reads(stage: Harness, read: set[str]) -> None:
    stage.report()

    # How many snapshots it reads at a time is nobody's to say.
    assert set(variables("ReporterFunction")) == read - {"ParallelUsers"}


# The stack's defaults where they are not the code's: the region is the stack's own, and the KMS
# key is the one that the member template makes.
OWN_DEFAULT = {"HomeRegion": "", "SecretsKmsKey": "alias/asa-iam-key-rotation"}


@pytest.mark.parametrize(
    "parameter", sorted(set(PARAMETERS.values()) - set(MADE) - set(GIVEN[CORE]))
)
def test_a_parameters_default_is_the_codes(parameter: str) -> None:
    default = template(_having(parameter))["Parameters"][parameter]["Default"]

    if parameter in OWN_DEFAULT:
        assert default == OWN_DEFAULT[parameter]
    elif parameter == "OrgListRole":  # on a laptop the caller's own credentials may do
        assert default == template(LIST)["Parameters"][parameter]["Default"]
    else:
        assert Settings.read({parameter: default}) == Settings()


def _having(parameter: str) -> str:
    """The template that takes a parameter: the core, where it does."""
    return CHANNELS if parameter in OF_CHANNELS else CORE


@pytest.mark.parametrize("parameter", BY_NAME.values(), ids=lambda each: each.name)
def test_a_parameter_of_the_template_has_the_limits_of_its_description(
    parameter: Parameter,
) -> None:
    rule = template(CORE)["Parameters"].get(parameter.name, {})

    if "MinValue" in rule:
        # A period that is greater than another is at least 2.
        least = 2 if parameter.name == "InactivePeriod" else parameter.least
        # For a whole account there is no most; CloudFormation wants one of every number.
        most = rule["MaxValue"] if parameter.most is None else parameter.most
        assert (rule["MinValue"], rule["MaxValue"]) == (least, most)
    elif parameter.unit is Unit.DAYS and parameter.least is not None:
        assert re.fullmatch(rule["AllowedPattern"], str(parameter.least))
        assert not re.fullmatch(rule["AllowedPattern"], str(parameter.least - 1))


# The administrators' address also stands in policies, where * and ? would admit others.
NARROWER = {"AdminEmailAddress"}


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("ops@example.com", True),
        ("aws+ops_1@mail-2.example.co.uk", True),
        ("o'brien@example.com", True),
        ("ops@xn--mnchen-3ya.de", True),
        ("ops@localhost", False),
        ("ops@münchen.de", False),
        ("öps@example.com", False),
        (".ops@example.com", False),
        ("ops.@example.com", False),
        ("o..ps@example.com", False),
        ("ops@.example.com", False),
        ("ops@example..com", False),
        ("ops@-example.com", False),
        ("ops@example-.com", False),
        ("ops@example.com.", False),
        ("ops@example.c", False),
        ("a@b@example.com", False),
        ("ops@example.com,b@example.com", False),
        (f"{'o' * 65}@example.com", False),
        ("ops", False),
        ("", False),
    ],
)
def test_the_administrators_address_is_one_that_mails_are_sent_to(
    address: str, fits: bool
) -> None:
    pattern = template(CORE)["Parameters"]["AdminEmailAddress"]["AllowedPattern"]
    shape = BY_NAME["AdminEmailAddress"].shape
    assert shape is not None

    assert (re.fullmatch(pattern, address, re.ASCII) is not None) is fits
    assert (re.fullmatch(shape.pattern, address) is not None) is fits
    assert Recipient(ChannelName.EMAIL, address).can_be_reached is fits


SHAPED = {
    name: parameter.shape
    for name, parameter in BY_NAME.items()
    if parameter.shape is not None and name not in NARROWER
}


@pytest.mark.parametrize(("name", "shape"), SHAPED.items())
def test_a_text_looks_in_the_template_as_in_its_description(name: str, shape: Shape) -> None:
    rule = template(_having(name))["Parameters"][name]
    pattern = re.sub(r"^\(\?a:(.*)\)$", r"\1", shape.pattern)
    # Item after item, each before a comma and more, or at the end. To say the item twice would be
    # twice as long, and a template may only have so many bytes.
    several = f"({pattern}(, ?(?=.)|$))*"

    wholes = (several,) if BY_NAME[name].repeatable else (pattern, f"({pattern})?")
    assert rule["AllowedPattern"] in {f"^{each}$" for each in wholes}
    if not BY_NAME[name].repeatable:
        assert rule["ConstraintDescription"].startswith(shape.rule)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("InventoryOU", "r-abcd", "ou-abcd-12345678"),
        ("ExcludedUnits", "ou-abcd-12345678", "ou-abcd-87654321"),
        ("ExcludedAccounts", "111111111111", "222222222222"),
        ("EnforcedAccounts", "111111111111", "ou-abcd-12345678"),
        ("AllowedOwnerDomains", "example.com", "*.example.org"),
        ("SmtpUsers", "ses-smtp-user.*", "*"),
        ("SmtpRegions", "eu-west-1", "us-gov-west-1"),
        ("SubnetId", "subnet-0123456789abcdef0", "subnet-01234567"),
    ],
)
def test_a_list_is_of_whole_items_with_one_comma_between_two(
    name: str, first: str, second: str
) -> None:
    pattern = template(CORE)["Parameters"][name]["AllowedPattern"]
    fits = ["", first, f"{first},{second}", f"{first},{second},{first}"]
    fails = [
        ",",
        f"{first},",
        f"{first}, ",
        f",{first}",
        f"{first},,{second}",
        f"{first} {second}",
    ]
    fails += [f"{first}, {second};", f"{first},  {second}", f"{first}\n", f"{first},\n{second}"]
    (fails if name == "SubnetId" else fits).append(f"{first}, {second}")

    for value in fits:
        assert re.fullmatch(pattern, value, re.ASCII), value
    for value in fails:
        assert not re.fullmatch(pattern, value, re.ASCII), value


def test_what_deploy_takes_by_an_option_has_the_same_option_everywhere() -> None:
    of_settings = OPTION_OF.keys() & BY_NAME.keys()

    assert of_settings == OPTION_OF.keys() - {"AWSOrgID"}
    assert {name: OPTION_OF[name] for name in of_settings} == {
        name: BY_NAME[name].option for name in of_settings
    }


@pytest.mark.parametrize(
    ("parameter", "default"),
    [("DryRunFlag", True), ("RotationPeriod", 90), ("InactivePeriod", 100)],
)
def test_the_posts_parameters_have_the_posts_defaults(parameter: str, default: object) -> None:
    assert template(CORE)["Parameters"][parameter]["Default"] in {str(default), default}


def test_every_value_that_a_template_takes_the_code_takes() -> None:
    for name, rule in template(CORE)["Parameters"].items():
        if name in PARAMETERS.values():
            for value in rule.get("AllowedValues", []):
                Settings.read({name: value})


# --- every parameter stands in the manual -------------------------------------------------------


def told() -> dict[str, tuple[str, str]]:
    """The parameters that the manual tells: their templates and their default."""
    text = (ROOT / "docs" / "templates.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|", text, re.MULTILINE)
    return {name: (where, default.strip()) for name, where, default in rows}


WORD = dict(
    zip(
        TEMPLATES,
        ("core", "member", "list", "endpoints", "alarms", "mail events", "channels", "reports"),
        strict=True,
    )
)


def test_every_parameter_stands_in_the_manual_with_the_templates_that_have_it() -> None:
    having: dict[str, list[str]] = {}
    for name in TEMPLATES:
        for parameter in template(name)["Parameters"]:
            having.setdefault(parameter, []).append(WORD[name])

    assert {name: where.strip() for name, (where, _) in told().items()} == {
        name: ", ".join(where) for name, where in having.items()
    }


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_manual_tells_the_defaults_that_the_templates_have(name: str) -> None:
    for parameter, rule in template(name)["Parameters"].items():
        default = rule.get("Default")
        if parameter in {
            "SubnetId",
            "VpcId",
            "VpcCidr",
            "AWSOrgID",
        }:  # needed by one, optional in another
            continue
        spelled = "none" if default == "" else "needed" if default is None else f"`{default}`"

        assert told()[parameter][1] == spelled, parameter


# --- what runs is there -------------------------------------------------------------------------


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_handler_is_in_the_zip_that_it_names(function: str) -> None:
    stack = Stack(name=TEMPLATE_OF.get(function, CORE))
    made = stack.of_type("AWS::Lambda::Function")[function]
    module, _, handler = made["Handler"].rpartition(".")
    prefix, _, archive = made["Code"]["S3Key"].rpartition("/")

    assert callable(getattr(import_module(module), handler))
    assert HANDLERS[archive.removesuffix(".zip")] == module
    assert prefix == "asa/asa-iam-rotation/Lambda"


def test_the_rotation_has_more_time_than_it_spares_and_takes_one_account_at_a_time() -> None:
    core = Stack(name=CORE)
    rotation = core.of_type("AWS::Lambda::Function")["RotationFunction"]
    mapping = core.of_type("AWS::Lambda::EventSourceMapping")["RotationTakesFromItsQueue"]

    assert rotation["Timeout"] == 900
    assert rotation["Timeout"] * 1000 > 2 * SPARE_MILLISECONDS
    assert mapping["BatchSize"] == 1


@pytest.mark.parametrize("queue", ["RotationQueue", "NotifierQueue"])
def test_the_code_knows_how_long_the_queues_hold_a_message(queue: str) -> None:
    made = Stack(name=CORE).of_type("AWS::SQS::Queue")[queue]

    assert made["MessageRetentionPeriod"] == QUEUE_HOLDS.total_seconds()


@pytest.mark.parametrize(
    ("template", "function"), [(CORE, "NotifierFunction"), (CHANNELS, "ChannelsFunction")]
)
def test_whoever_claims_a_notice_is_dead_before_another_may_take_it_over(
    template: str, function: str
) -> None:
    made = Stack(name=template).of_type("AWS::Lambda::Function")[function]

    margin = timedelta(minutes=1)  # our clock is not S3's, which tells how old a claim is
    assert timedelta(seconds=made["Timeout"]) + margin <= CLAIM_LIFE


def test_a_notice_is_tried_again_after_its_claim_has_run_out() -> None:
    queue = Stack(name=CORE).of_type("AWS::SQS::Queue")["NotifierQueue"]

    assert queue["VisibilityTimeout"] > CLAIM_LIFE.total_seconds()
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 2


def test_the_notifier_is_handed_what_the_code_says_is_due() -> None:
    rule = Stack(name=CORE).of_type("AWS::Events::Rule")["NoticesRule"]

    assert rule["EventPattern"]["source"] == [SOURCE]
    assert rule["EventPattern"]["detail-type"] == [EventType.NOTICES_DUE, EventType.DIGEST_DUE]


def test_the_notifier_is_handed_the_changes_that_it_can_read() -> None:
    rule = Stack(name=CORE).of_type("AWS::Events::Rule")["ExemptionRule"]

    assert rule["EventPattern"]["source"] == [IAM_SOURCE]
    for name in rule["EventPattern"]["detail"]["eventName"]:
        event = {"account": MEMBERS, "source": IAM_SOURCE, "detail": exemption_call(name)}

        assert read_exemption(event, group=GROUP, now=SEEN) is not None


def test_the_sandbox_plays_what_the_templates_make() -> None:
    core, member = Stack(name=CORE), Stack(name=MEMBER)
    lists = Stack(name=LIST)
    [bus] = core.of_type("AWS::Events::EventBus").values()
    roles = {
        each["RoleName"]
        for stack in (core, member, lists, Stack(name=REPORTS))
        for each in stack.of_type("AWS::IAM::Role").values()
    }

    assert {
        deployment.MEMBER_ROLE,
        deployment.LIST_ROLE,
        deployment.INVENTORY_ROLE,
        deployment.ROTATION_ROLE,
        deployment.NOTIFIER_ROLE,
        deployment.REPORTER_ROLE,
    } < roles
    assert bus["Name"] == deployment.BUS
    assert member.parameters["SecretsKmsKey"] == deployment.SECRETS_KEY
