"""A deployment, step by step: in order, once, and with nothing returning to a default unseen."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from keyturn.deployment.deploy import Deploy
from keyturn.deployment.model.bucket import Protection
from keyturn.deployment.model.facts import FunctionFacts
from keyturn.deployment.model.package import Package, code_hash
from keyturn.deployment.model.places import Names, Place
from keyturn.deployment.model.stacks import Stack, StackSet
from keyturn.deployment.model.template import Template
from keyturn.deployment.model.wanted import DeployRequest, Ready
from keyturn.deployment.steps import DeployStep, StepOutcome
from keyturn.domain.errors import (
    DeploymentFailed,
    InvalidValue,
    KeyturnError,
    NotFound,
    PortError,
    Unavailable,
)
from tests.cloudformation.stacks import (
    ALARMS,
    CHANNELS,
    CORE,
    FOLDER,
    LIST,
    MAIL_EVENTS,
    MEMBER,
    REPORTS,
)
from tests.deployment.fakes import (
    FakeArtifactBucket,
    FakeLogGroups,
    FakeOrganizationFeatures,
    FakeStacks,
    FakeStackSets,
)
from tests.deployment.fakes_doctor import FakeFunctions

SECURITY, MANAGEMENT = "999999999999", "111111111111"
SHOP, LAB = "222222222222", "333333333333"
UNIT, LATER = "ou-root-aaaaaaaa", "ou-root-bbbbbbbb"
NAMES = Names()
CORE_STACK, SET, LIST_STACK = NAMES.core, NAMES.member, NAMES.listing
EAST, WEST = "us-east-1", "eu-west-1"
FIRST = DeployRequest(
    bucket="a-bucket",
    prefix="asa/rotation",
    admin="ops@example.com",
    units=(UNIT,),
    parameters={"ResourceOwnerTag": "owner"},
)
NO_OPTIONS = DeployRequest()
PACKAGE = Package(
    core=Template.read((FOLDER / CORE).read_text()),
    alarms=Template.read((FOLDER / ALARMS).read_text()),
    mail_events=Template.read((FOLDER / MAIL_EVENTS).read_text()),
    channels=Template.read((FOLDER / CHANNELS).read_text()),
    reports=Template.read((FOLDER / REPORTS).read_text()),
    member=Template.read((FOLDER / MEMBER).read_text()),
    listing=Template.read((FOLDER / LIST).read_text()),
    zips={
        "inventory.zip": b"i",
        "notifier.zip": b"n",
        "rotation.zip": b"r",
        "channels.zip": b"c",
        "reporter.zip": b"d",
    },
    mails={"owner/subject.txt": b"Your key", "admin/subject.txt": b"A run"},
)


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class Running(FakeFunctions):
    """Functions that run what CloudFormation found in the bucket."""

    def __init__(self, stacks: FakeStacks, artifact_bucket: FakeArtifactBucket) -> None:
        super().__init__()
        self.stacks = stacks
        self.artifact_bucket = artifact_bucket

    def look(self, name: str) -> FunctionFacts:
        told = self.stacks.held[CORE_STACK].parameters
        stack, template = next(
            (stack, template)
            for stack, template in (
                (CORE_STACK, PACKAGE.core),
                (NAMES.channels, PACKAGE.channels),
                (NAMES.reports, PACKAGE.reports),
            )
            if name in {each.name for each in template.functions}
        )
        if stack not in self.stacks.held:
            raise NotFound(name)
        [zipped] = [each.zip for each in template.functions if each.name == name]
        place = f"{told['S3BucketPrefix']}/{told['LambdaFolder']}/{zipped}"
        body, _ = self.artifact_bucket.objects[told["S3BucketName"], place]
        return FunctionFacts(
            runtime="", handler="", timeout=1, memory=1, architecture="", code=code_hash(body)
        )


@dataclass
class World:
    """Both accounts, and what a deployment would be made of."""

    region: str = EAST
    package: Package = PACKAGE
    artifact_bucket: FakeArtifactBucket = field(default_factory=FakeArtifactBucket)
    stacks: FakeStacks = field(default_factory=FakeStacks)
    away: FakeStacks = field(default_factory=FakeStacks)
    """The security account's, in any other region."""
    head: dict[str, FakeStacks] = field(
        default_factory=lambda: {
            EAST: FakeStacks(),
            WEST: FakeStacks(),
            "eu-north-1": FakeStacks(),
        }
    )
    log_groups: FakeLogGroups = field(default_factory=FakeLogGroups)
    sets: FakeStackSets = field(
        default_factory=lambda: FakeStackSets(accounts={UNIT: [SHOP, SECURITY], LATER: [LAB]})
    )
    organization_features: FakeOrganizationFeatures = field(
        default_factory=FakeOrganizationFeatures
    )

    def __post_init__(self) -> None:
        self.functions = Running(self.stacks, self.artifact_bucket)

    def deployment(self) -> Deploy:
        return Deploy(
            security=Place(SECURITY, self.region),
            management=Place(MANAGEMENT, self.region),
            partition="aws",
            artifact_bucket=self.artifact_bucket,
            stacks=self.stacks,
            own_stacks=lambda region: self.stacks if region == self.region else self.away,
            head_stacks=self.head.__getitem__,
            stack_sets=self.sets,
            organization_features=self.organization_features,
            functions=self.functions,
            log_groups=self.log_groups,
            package=self.package,
        )

    def prepare(self, **asked: Any) -> Ready:  # noqa: ANN401 -- any option
        return self.deployment().prepare(replace(DeployRequest(), **asked))

    def steps(self, asked: DeployRequest) -> list[DeployStep]:
        deployment = self.deployment()
        return [*deployment.steps(deployment.prepare(asked)), deployment.proof()]

    def deploy(self, asked: DeployRequest = NO_OPTIONS) -> dict[str, StepOutcome]:
        return {named(step): step.take() for step in self.steps(asked)}

    def show(self, asked: DeployRequest = NO_OPTIONS) -> dict[str, StepOutcome]:
        deployment = self.deployment()
        return {named(step): step.show() for step in deployment.steps(deployment.prepare(asked))}

    def core(self) -> Mapping[str, str]:
        return self.stacks.held[CORE_STACK].parameters

    def everything(self) -> object:
        """All that a deployment could have written."""
        return (
            {name: set(held) for name, held in self.artifact_bucket.buckets.items()},
            dict(self.artifact_bucket.objects),
            dict(self.stacks.held),
            dict(self.away.held),
            {region: dict(stacks.held) for region, stacks in self.head.items()},
            dict(self.sets.held),
        )


def named(step: DeployStep) -> str:
    return step.title.split(" in ")[0].split(" a-")[0] + where(step.title)


def where(title: str) -> str:
    is_stack = title.startswith("stack ") and not title.startswith("stack set ")
    return " " + title.rsplit(" ", 1)[1] if is_stack else ""


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def deployed(world: World) -> World:
    world.deploy(FIRST)
    return world


# --- the first time -----------------------------------------------------------------------------


def test_the_steps_come_in_the_order_of_the_manual(world: World) -> None:
    assert list(world.deploy(FIRST)) == [
        "bucket",
        "zips",
        "mail templates",
        f"stack set {SET}",
        f"stack {SET} {EAST}",
        f"stack {LIST_STACK} {EAST}",
        f"stack {CORE_STACK} {EAST}",
        f"stack {NAMES.mail_events} {EAST}",
        f"stack {NAMES.reports} {EAST}",
        f"stack {NAMES.alarms} {EAST}",
        "functions",
    ]


def test_a_core_that_had_the_alarms_lets_them_go_before_they_are_made_anew(world: World) -> None:
    *_, core, _, _, alarms, _ = world.deploy(FIRST)

    assert core == f"stack {CORE_STACK} {EAST}"
    assert alarms == f"stack {CORE_STACK}-alarms {EAST}"


def test_only_the_stack_set_and_the_alarms_may_fail_and_the_rest_goes_on(world: World) -> None:
    steps = world.steps(FIRST)

    assert [step.title.split(" in ")[0] for step in steps if not step.is_vital] == [
        f"stack set {SET}",
        f"stack {NAMES.alarms}",
        "functions",
    ]


def test_a_parameter_of_the_alarms_reaches_them_alone(world: World) -> None:
    world.deploy(replace(FIRST, parameters={"RestorationsPerDay": "7"}))

    alarms = world.stacks.held[NAMES.alarms].parameters
    assert alarms == {"RestorationsPerDay": "7", "AdminDigest": "Daily"}
    assert "RestorationsPerDay" not in world.core()


def test_the_alarms_know_whether_a_digest_is_to_come_whoever_changed_that(world: World) -> None:
    world.deploy(FIRST)
    core = world.stacks.held[CORE_STACK]
    world.stacks.held[CORE_STACK] = replace(
        core, parameters={**core.parameters, "AdminDigest": "Account"}
    )

    world.deploy(DeployRequest(parameters={"HelpLink": "https://wiki.example.com/keys"}))

    assert world.stacks.held[NAMES.alarms].parameters["AdminDigest"] == "Account"


HOOK = f"arn:aws:secretsmanager:{EAST}:222222222222:secret:hook-a1B2c3"


def test_channels_are_deployed_once_one_is_asked_for_and_then_with_the_core(world: World) -> None:
    without = world.deploy(FIRST)
    asked = world.deploy(DeployRequest(parameters={"WebhookSecretArn": HOOK}))
    later = world.deploy(DeployRequest(parameters={"HelpLink": "https://wiki.example.com/keys"}))

    step = f"stack {NAMES.channels} {EAST}"
    assert step not in without
    assert list(asked).index(step) > list(asked).index(f"stack {CORE_STACK} {EAST}")
    assert step in later
    made = world.stacks.held[NAMES.channels].parameters
    core = world.core()
    assert made["WebhookSecretArn"] == HOOK
    assert made["HelpLink"] == "https://wiki.example.com/keys"
    assert all(made[name] == core[name] for name in ("S3BucketName", "LambdaFolder"))
    assert "WebhookSecretArn" not in core


def test_a_bot_does_not_silently_take_the_administrators_webhook_away(world: World) -> None:
    world.deploy(replace(FIRST, parameters={"SlackWebhookSecretArn": HOOK}))
    bot = {"SlackTokenSecretArn": HOOK}

    with pytest.raises(InvalidValue, match=r"^SlackTokenSecretArn=.*: needs SlackAdminChannel"):
        world.deploy(DeployRequest(parameters=bot))

    assert "SlackTokenSecretArn" not in world.stacks.held[NAMES.channels].parameters
    world.deploy(DeployRequest(parameters=bot | {"SlackAdminChannel": "C0123ABCD"}))
    assert world.stacks.held[NAMES.channels].parameters["SlackAdminChannel"] == "C0123ABCD"


def test_a_channel_that_is_off_cannot_be_chosen_to_prove(world: World) -> None:
    chosen = {"ProvingChannels": "email,slack"}
    needs = "ProvingChannels=email,slack: needs SlackTokenSecretArn"
    world.deploy(FIRST)
    for lacking in ({}, {"WebhookSecretArn": HOOK}, {"SlackWebhookSecretArn": HOOK}):
        with pytest.raises(InvalidValue, match=needs):
            world.deploy(DeployRequest(parameters=chosen | lacking))

    assert "ProvingChannels" not in world.core()
    world.deploy(DeployRequest(parameters=chosen | {"SlackTokenSecretArn": HOOK}))
    assert world.core()["ProvingChannels"] == "email,slack"
    with pytest.raises(InvalidValue, match=needs):
        world.deploy(DeployRequest(parameters={"SlackTokenSecretArn": ""}))


JIRA = {"JiraUrl": "https://example.atlassian.net", "JiraProject": "KEYS"}


@pytest.mark.parametrize(
    ("half", "said"),
    [
        ({"JiraSecretArn": HOOK}, f"JiraSecretArn={HOOK}: needs JiraUrl"),
        (JIRA, "JiraUrl=https://example.atlassian.net: needs JiraSecretArn"),
        ({"JiraProject": "KEYS"}, "JiraProject=KEYS: needs JiraSecretArn"),
        ({"JiraIssueType": "Bug", "WebhookSecretArn": HOOK}, "JiraIssueType=Bug: needs JiraS"),
        ({"UsersTarget": "120@2026-02-30"}, "UsersTarget=120@2026-02-30: must be a number"),
        ({"UsersTarget": "120@2026-19-39"}, "UsersTarget=120@2026-19-39: must be a number"),
        ({"SlackAdminChannel": "C0123ABCD"}, "SlackAdminChannel=C0123ABCD: needs SlackTokenS"),
        (
            {"SlackAdminChannel": "C0123ABCD", "SlackWebhookSecretArn": HOOK},
            "SlackAdminChannel=C0123ABCD: needs SlackTokenSecretArn",
        ),
        (
            {"ChannelSecretsKmsKeyArn": f"arn:aws:kms:{EAST}:222222222222:key/a"},
            "ChannelSecretsKmsKeyArn=.*: needs JiraSecretArn or SlackTokenSecretArn or ",
        ),
    ],
)
def test_a_channel_that_is_half_configured_is_refused_before_any_write(
    half: dict[str, str], said: str, deployed: World
) -> None:
    before = deployed.everything()

    with pytest.raises(InvalidValue, match=said):
        deployed.deploy(DeployRequest(parameters=half))

    assert deployed.everything() == before


def test_what_a_channel_had_stays_when_it_is_switched_off_and_on_again(deployed: World) -> None:
    for told in (JIRA | {"JiraSecretArn": HOOK}, {"JiraSecretArn": ""}, {"JiraSecretArn": HOOK}):
        deployed.deploy(DeployRequest(parameters=told))

    assert deployed.stacks.held[NAMES.channels].parameters.items() >= JIRA.items()


def test_mails_get_a_configuration_set_that_says_what_became_of_them(world: World) -> None:
    world.deploy(FIRST)

    assert world.core()["ConfigurationSet"] == "asa-iam-key-rotation"
    made = world.stacks.held[NAMES.mail_events].parameters
    assert made == {"ConfigurationSet": "asa-iam-key-rotation", "CoreRegion": EAST}
    assert world.away.held == {}


def test_a_core_that_runs_is_told_of_the_set_when_there_is_one(deployed: World) -> None:
    """SES refuses every mail that names a set that it does not have."""
    names = list(deployed.show())

    assert names.index(f"stack {NAMES.mail_events} {EAST}") < names.index(
        f"stack {CORE_STACK} {EAST}"
    )


def test_a_core_of_before_gets_the_set_too(deployed: World) -> None:
    del deployed.stacks.held[NAMES.mail_events]
    held = deployed.stacks.held[CORE_STACK]
    before = {
        name: held.parameters[name] for name in held.parameters if name != "ConfigurationSet"
    }
    deployed.stacks.held[CORE_STACK] = replace(held, parameters=before)

    deployed.deploy()

    assert deployed.core()["ConfigurationSet"] == "asa-iam-key-rotation"
    assert NAMES.mail_events in deployed.stacks.held


def test_the_admins_copies_give_way_to_one_digest_a_day_and_to_who_makes_it(
    world: World,
) -> None:
    world.deploy(FIRST)

    assert world.core()["AdminDigest"] == "Daily"
    made = world.stacks.held[NAMES.reports].parameters
    assert made["LambdaFolder"] == PACKAGE.folder
    assert made["S3BucketPrefix"] == "asa/rotation"


def test_a_core_that_runs_leaves_no_copy_out_before_somebody_makes_the_digest(
    deployed: World,
) -> None:
    """The reports come first, and the core stays as it is where they fail."""
    del deployed.stacks.held[NAMES.reports]
    held = deployed.stacks.held[CORE_STACK]
    before = {name: held.parameters[name] for name in held.parameters if name != "AdminDigest"}
    deployed.stacks.held[CORE_STACK] = replace(held, parameters=before)

    steps = [step.title.split(" in ")[0] for step in deployed.steps(NO_OPTIONS)]
    vital = {step.title.split(" in ")[0]: step.is_vital for step in deployed.steps(NO_OPTIONS)}
    deployed.deploy()

    assert steps.index(f"stack {NAMES.reports}") < steps.index(f"stack {CORE_STACK}")
    assert vital[f"stack {NAMES.reports}"]
    assert deployed.core()["AdminDigest"] == "Daily"
    assert NAMES.reports in deployed.stacks.held


@pytest.mark.parametrize("answer", [None, Unavailable("no answer")])
def test_stacks_beside_a_core_that_came_back_make_the_logs_that_they_never_had(
    answer: PortError | None, world: World
) -> None:
    """The core's own log groups were kept; those of functions that never were could not be."""
    if answer is not None:
        world.log_groups.refuses["exists"] = answer
    back = {"CreateLogGroups": "False", "WebhookSecretArn": HOOK}

    world.deploy(replace(FIRST, parameters=back))

    assert world.core()["CreateLogGroups"] == "False"
    assert all(makes_logs(world, name) for name in (NAMES.reports, NAMES.channels))


def test_a_stack_whose_log_group_was_kept_comes_back_without_making_it(world: World) -> None:
    world.log_groups.names = {"/aws/lambda/ASA-Reporter"}

    world.deploy(replace(FIRST, parameters={"WebhookSecretArn": HOOK}))
    again = world.deploy()

    assert not makes_logs(world, NAMES.reports)
    assert makes_logs(world, NAMES.channels)
    assert "CreateLogGroups" not in world.core()
    assert not again[f"stack {NAMES.reports} {EAST}"].changed


def test_a_stack_that_was_told_of_logs_that_are_not_there_makes_them(deployed: World) -> None:
    held = deployed.stacks.held[NAMES.reports]
    told = {**held.parameters, "CreateLogGroups": "False"}
    deployed.stacks.held[NAMES.reports] = replace(held, parameters=told)

    deployed.deploy()

    assert makes_logs(deployed, NAMES.reports)


def makes_logs(world: World, stack: str) -> bool:
    return world.stacks.held[stack].parameters.get("CreateLogGroups", "True") == "True"


def test_whoever_wants_the_copies_keeps_them_and_gets_no_reporter(world: World) -> None:
    world.deploy(replace(FIRST, parameters={"AdminDigest": "Account"}))
    again = world.deploy()

    assert world.core()["AdminDigest"] == "Account"
    assert f"stack {NAMES.reports} {EAST}" not in again


def test_a_set_of_the_operators_own_is_used_and_not_made(world: World) -> None:
    own = {"ConfigurationSet": "ours", "MakeConfigurationSet": "False"}
    world.deploy(replace(FIRST, parameters=own))

    assert world.core()["ConfigurationSet"] == "ours"
    assert world.stacks.held[NAMES.mail_events].parameters == {**own, "CoreRegion": EAST}


def test_whoever_wants_no_set_gets_none_and_keeps_it_so(world: World) -> None:
    world.deploy(replace(FIRST, parameters={"ConfigurationSet": ""}))
    again = world.deploy()

    assert world.core()["ConfigurationSet"] == ""
    assert NAMES.mail_events not in world.stacks.held
    assert f"stack {NAMES.mail_events} {EAST}" not in again


def test_delivery_cannot_be_the_proof_where_nobody_hears_of_it(world: World) -> None:
    by_delivery = {"ProofOfNotice": "Delivered"}
    needs = "^ProofOfNotice=Delivered: needs ConfigurationSet: "
    with pytest.raises(InvalidValue, match=needs):
        world.deploy(replace(FIRST, parameters=by_delivery | {"ConfigurationSet": ""}))
    assert world.stacks.held == {}

    world.deploy(replace(FIRST, parameters=by_delivery))
    with pytest.raises(InvalidValue, match=needs):
        world.deploy(DeployRequest(parameters={"ConfigurationSet": ""}))

    assert world.core()["ConfigurationSet"] == "asa-iam-key-rotation"


def test_where_ses_is_elsewhere_the_events_go_over_two_stacks(world: World) -> None:
    outcomes = world.deploy(replace(FIRST, parameters={"MailRegion": WEST}))

    both = {"ConfigurationSet": "asa-iam-key-rotation", "CoreRegion": EAST, "MailRegion": WEST}
    assert world.away.held[NAMES.mail_events].parameters == both
    assert world.stacks.held[NAMES.mail_events].parameters == both
    assert [name for name in outcomes if NAMES.mail_events in name] == [
        f"stack {NAMES.mail_events} {WEST}",
        f"stack {NAMES.mail_events} {EAST}",
    ]


def test_china_has_no_ses_to_make_a_set_in(world: World) -> None:
    world.head["cn-north-1"] = FakeStacks()
    deployment = replace(world.deployment(), partition="aws-cn")

    assert deployment.prepare(FIRST).mail_events == {}


def test_the_bucket_is_made_with_every_protection_and_filled(deployed: World) -> None:
    assert deployed.artifact_bucket.lacks("a-bucket", "asa/rotation") == ()
    folder = PACKAGE.folder
    assert sorted(name for _, name in deployed.artifact_bucket.objects) == [
        *(f"asa/rotation/{folder}/{name}" for name in sorted(PACKAGE.zips)),
        "asa/rotation/Template/admin/subject.txt",
        "asa/rotation/Template/owner/subject.txt",
    ]


def test_a_first_deployment_is_in_dry_run(deployed: World) -> None:
    assert deployed.core()["DryRunFlag"] == "True"


def test_the_accounts_and_the_organisation_are_found_and_told_to_every_stack(
    deployed: World,
) -> None:
    organisation = deployed.organization_features.told.id
    core, listing = deployed.core(), deployed.head[EAST].held[LIST_STACK].parameters
    assert core["OrgListAccount"] == MANAGEMENT
    assert core["LambdaFolder"] == PACKAGE.folder
    for told in (
        listing,
        deployed.head[EAST].held[SET].parameters,
        deployed.sets.held[SET].parameters,
    ):
        assert (told["PrimaryAccountID"], told["AWSOrgID"]) == (SECURITY, organisation)
    assert core["AWSOrgID"] == organisation


def test_a_parameter_goes_to_every_template_that_has_it(deployed: World) -> None:
    assert deployed.core()["ResourceOwnerTag"] == "owner"
    assert deployed.sets.held[SET].parameters["ResourceOwnerTag"] == "owner"
    assert deployed.head[EAST].held[SET].parameters["ResourceOwnerTag"] == "owner"


def test_the_stack_set_goes_to_the_units_and_the_management_account_gets_a_stack(
    deployed: World,
) -> None:
    assert deployed.sets.held[SET].units == {UNIT}
    assert deployed.sets.held[SET].regions == {EAST}
    assert deployed.head[EAST].held[SET].status == "CREATE_COMPLETE"


def without(option: str) -> DeployRequest:
    options: dict[str, Any] = {option: None}
    return replace(FIRST, **options)


@pytest.mark.parametrize("missing", ["bucket", "prefix", "admin"])
def test_a_first_deployment_must_be_told_what_nobody_can_know(world: World, missing: str) -> None:
    before = world.everything()

    with pytest.raises(InvalidValue, match=f"^--{missing}="):
        world.deploy(without(missing))

    assert world.everything() == before


def test_a_first_deployment_must_be_told_the_units(world: World) -> None:
    with pytest.raises(InvalidValue, match=r"^--ou="):
        world.deploy(replace(FIRST, units=()))


# --- regions ------------------------------------------------------------------------------------


def test_outside_the_region_of_iams_events_the_members_get_stacks_in_both() -> None:
    world = World(region=WEST)
    world.deploy(FIRST)

    assert world.sets.held[SET].regions == {EAST, WEST}
    for region in (EAST, WEST):
        told = world.head[region].held[SET].parameters
        assert (told["HomeRegion"], told["PrimaryRegion"]) == (WEST, WEST)
    assert LIST_STACK in world.head[WEST].held


def test_secrets_in_another_region_have_their_key_there(world: World) -> None:
    world.deploy(replace(FIRST, parameters={"HomeRegion": "eu-north-1"}))

    assert world.sets.held[SET].regions == {EAST, "eu-north-1"}
    told = world.sets.held[SET].parameters
    assert (told["HomeRegion"], told["PrimaryRegion"]) == ("eu-north-1", EAST)
    assert world.core()["HomeRegion"] == "eu-north-1"


def test_where_the_region_of_iams_events_is_forbidden_nothing_goes_there() -> None:
    world = World(region=WEST)
    world.deploy(replace(FIRST, parameters={"GlobalRegion": WEST}))

    again = world.deploy()

    assert world.sets.held[SET].regions == {WEST}
    assert SET not in world.head[EAST].held
    assert f"stack {SET} {EAST}" not in again


# --- again --------------------------------------------------------------------------------------


def test_a_second_deployment_needs_no_options_and_finds_no_changes(deployed: World) -> None:
    before = deployed.everything()

    outcomes = deployed.deploy()

    assert outcomes.pop("functions").said == "they run what was built here"
    assert {name: each.said for name, each in outcomes.items()} == dict.fromkeys(
        outcomes, "no changes"
    )
    assert deployed.everything() == before


def test_what_is_not_given_stays_and_what_changes_is_told(deployed: World) -> None:
    outcomes = deployed.deploy(DeployRequest(parameters={"RotationPeriod": "75"}))

    assert deployed.core()["RotationPeriod"] == "75"
    assert deployed.core()["ResourceOwnerTag"] == "owner"
    core = outcomes[f"stack {CORE_STACK} {EAST}"]
    assert (core.said, core.details) == ("updated", ("RotationPeriod: 90 → 75",))
    assert [name for name, each in outcomes.items() if each.changed] == [
        f"stack {CORE_STACK} {EAST}"
    ]


def test_a_stack_that_comes_later_takes_over_what_the_others_were_told(deployed: World) -> None:
    del deployed.head[EAST].held[SET]

    deployed.deploy()

    assert deployed.head[EAST].held[SET].parameters["ResourceOwnerTag"] == "owner"


def test_a_boundary_is_taken_over_for_it_is_a_name_in_every_account(deployed: World) -> None:
    boundary = f"arn:aws:iam::{SECURITY}:policy/b"
    core = deployed.stacks.held[CORE_STACK]
    parameters = {**core.parameters, "PermissionsBoundaryArn": boundary}
    deployed.stacks.held[CORE_STACK] = replace(core, parameters=parameters)
    del deployed.head[EAST].held[LIST_STACK]

    deployed.deploy()

    made = deployed.head[EAST].held[LIST_STACK]
    assert made.parameters["PermissionsBoundaryArn"] == boundary


def test_other_zips_go_to_another_folder_and_the_functions_are_sent_there(
    deployed: World,
) -> None:
    deployed.package = replace(PACKAGE, zips={**PACKAGE.zips, "rotation.zip": b"newer"})

    outcomes = deployed.deploy()

    folders = {
        name.rsplit("/", 1)[0] for _, name in deployed.artifact_bucket.objects if "Lambda" in name
    }
    assert folders == {
        f"asa/rotation/{PACKAGE.folder}",
        f"asa/rotation/{deployed.package.folder}",
    }
    assert outcomes["zips"].said == "uploaded"
    assert deployed.core()["LambdaFolder"] == deployed.package.folder


def test_a_mail_template_that_was_changed_by_hand_stays_and_our_own_is_brought_up_to_date(
    deployed: World,
) -> None:
    theirs = ("a-bucket", "asa/rotation/Template/owner/subject.txt")
    deployed.artifact_bucket.objects[theirs] = (b"Ahoy", "")
    deployed.package = replace(PACKAGE, mails=dict.fromkeys(PACKAGE.mails, b"newer"))

    outcome = deployed.deploy()["mail templates"]

    assert deployed.artifact_bucket.objects[theirs][0] == b"Ahoy"
    assert deployed.artifact_bucket.objects["a-bucket", "asa/rotation/Template/admin/subject.txt"][
        0
    ] == (b"newer")
    assert outcome.details == ("admin/subject.txt", "owner/subject.txt stays: it is yours")


EVIL = b"evil"
ZIP = ("a-bucket", f"asa/rotation/{PACKAGE.folder}/rotation.zip")


@pytest.mark.parametrize("mark", ["", sha(b"r"), sha(EVIL)])
def test_a_zip_is_known_by_what_it_holds_whatever_is_said_of_it(world: World, mark: str) -> None:
    """The zips are the same for everybody who builds them: so is their hash, to put it before."""
    world.artifact_bucket.create("a-bucket")
    world.artifact_bucket.objects[ZIP] = (EVIL, mark)

    outcome = world.deploy(FIRST)["zips"]

    assert "rotation.zip" in outcome.details
    assert world.artifact_bucket.objects[ZIP][0] == b"r"


@pytest.mark.parametrize(
    ("zipped", "function"),
    [("channels.zip", "ASA-Channels"), ("reporter.zip", "ASA-Reporter")],
)
def test_so_it_is_in_the_functions_of_the_stacks_beside_the_core(
    world: World, zipped: str, function: str
) -> None:
    parameters = {**FIRST.parameters, "WebhookSecretArn": HOOK}
    *steps, functions = world.steps(replace(FIRST, parameters=parameters))
    for step in steps:
        step.take()
    assert functions.take().said == "they run what was built here"
    place = ("a-bucket", f"asa/rotation/{PACKAGE.folder}/{zipped}")
    assert place in world.artifact_bucket.objects
    world.artifact_bucket.objects[place] = (EVIL, sha(b"r"))

    with pytest.raises(DeploymentFailed, match=f"other code than was built here: {function}"):
        functions.take()


def test_a_zip_that_is_put_behind_the_upload_is_seen_in_what_the_functions_run(
    world: World,
) -> None:
    *steps, functions = world.steps(FIRST)
    for step in steps:
        step.take()
    world.artifact_bucket.objects[ZIP] = (EVIL, sha(b"r"))

    with pytest.raises(DeploymentFailed, match="other code than was built here: ASA-IAM-Access"):
        functions.take()


@pytest.mark.parametrize("swapped", [("rotation.zip",), ("inventory.zip", "notifier.zip")])
def test_functions_of_other_code_are_named(deployed: World, swapped: tuple[str, ...]) -> None:
    *_, functions = deployed.steps(NO_OPTIONS)
    for name in swapped:
        deployed.artifact_bucket.objects["a-bucket", ZIP[1].replace("rotation.zip", name)] = (
            EVIL,
            "",
        )

    with pytest.raises(DeploymentFailed) as failure:
        functions.take()

    named = [each.name for each in PACKAGE.core.functions if each.zip in swapped]
    assert f"built here: {', '.join(named)}. Somebody" in str(failure.value)


@pytest.mark.parametrize(
    ("held", "mark", "stays"),
    [
        (b"Ahoy", "", True),  # theirs
        (b"Ahoy", sha(b"Your key"), True),  # ours once, changed where it lies
        (b"older", sha(b"older"), False),  # ours, of a version before
        (b"newer", "", False),  # the very same, put by hand
    ],
)
def test_whose_a_mail_template_is_stands_in_what_it_holds(
    deployed: World, held: bytes, mark: str, *, stays: bool
) -> None:
    name = ("a-bucket", "asa/rotation/Template/owner/subject.txt")
    deployed.artifact_bucket.objects[name] = (held, mark)
    deployed.package = replace(PACKAGE, mails=dict.fromkeys(PACKAGE.mails, b"newer"))

    outcome = deployed.deploy()["mail templates"]

    assert ("owner/subject.txt stays: it is yours" in outcome.details) is stays
    assert deployed.artifact_bucket.objects[name][0] == (held if stays else b"newer")


def test_a_protection_that_was_taken_away_is_given_back(deployed: World) -> None:
    deployed.artifact_bucket.buckets["a-bucket"].remove(("", Protection.ONLY_TLS))

    outcome = deployed.deploy()["bucket"]

    assert (outcome.said, outcome.details) == ("protected", (Protection.ONLY_TLS,))
    assert deployed.artifact_bucket.lacks("a-bucket", "asa/rotation") == ()


def test_another_unit_comes_to_those_that_are_there(deployed: World) -> None:
    outcome = deployed.deploy(DeployRequest(units=(UNIT, LATER)))[f"stack set {SET}"]

    assert deployed.sets.held[SET].units == {UNIT, LATER}
    assert outcome.details == (f"to {LATER} in {EAST}",)


def test_another_template_of_the_members_is_brought_to_all_of_them(deployed: World) -> None:
    newer = replace(PACKAGE.member, body=PACKAGE.member.body + "# newer\n")
    deployed.package = replace(PACKAGE, member=newer)

    outcomes = deployed.deploy()

    assert outcomes[f"stack set {SET}"].details == ("another version of the template",)
    assert deployed.sets.held[SET].body == newer.body
    assert deployed.head[EAST].bodies[SET] == newer.body


def test_accounts_that_lag_behind_are_tried_again(deployed: World) -> None:
    deployed.sets.lagging = {SHOP: "the role exists"}

    outcome = deployed.deploy()[f"stack set {SET}"]

    assert outcome.details == (f"not up to date in {SHOP}",)
    assert deployed.sets.lagging == {}


def test_those_that_lag_behind_are_named_in_order(deployed: World) -> None:
    others = ["888888888888", "111111111112"]
    deployed.sets.accounts = {UNIT: [*others, SHOP]}
    deployed.sets.lagging = dict.fromkeys([*others, SHOP], "the role exists")

    outcome = deployed.deploy()[f"stack set {SET}"]

    assert outcome.details == (f"not up to date in {', '.join(sorted([*others, SHOP]))}",)


def test_a_suspended_account_lags_behind_for_ever_and_is_no_change(deployed: World) -> None:
    deployed.sets.suspended = {SHOP}

    assert not any(each.changed for each in deployed.deploy().values())


# --- enforcement --------------------------------------------------------------------------------


def test_only_enforce_ends_the_dry_run(deployed: World) -> None:
    ready = deployed.prepare(enforce=True)
    deployed.deploy(DeployRequest(enforce=True))

    assert ready.begins_to_enforce
    assert ready.core.changed == ("DryRunFlag: True → False",)
    assert deployed.core()["DryRunFlag"] == "False"


def test_enforcement_stays_without_being_said_again(deployed: World) -> None:
    deployed.deploy(DeployRequest(enforce=True))

    ready = deployed.prepare()
    deployed.deploy()

    assert not ready.begins_to_enforce
    assert not deployed.prepare(enforce=True).begins_to_enforce
    assert deployed.core()["DryRunFlag"] == "False"


def test_the_dry_run_can_be_had_back(deployed: World) -> None:
    deployed.deploy(DeployRequest(enforce=True))

    deployed.deploy(DeployRequest(parameters={"DryRunFlag": "True"}))

    assert deployed.core()["DryRunFlag"] == "True"


# --- a dry run of the deployment ----------------------------------------------------------------


def test_a_dry_run_writes_nothing_before_there_is_anything(world: World) -> None:
    before = world.everything()

    outcomes = world.show(FIRST)

    assert world.everything() == before
    assert all(each.said.startswith("would be ") for each in outcomes.values())
    assert outcomes[f"stack {CORE_STACK} {EAST}"].details == ("Add Thing AWS::A::Thing",)


def test_a_dry_run_writes_nothing_where_much_would_change(deployed: World) -> None:
    deployed.artifact_bucket.buckets["a-bucket"].remove(("", Protection.VERSIONS))
    deployed.package = replace(
        PACKAGE,
        zips={**PACKAGE.zips, "rotation.zip": b"newer"},
        mails=dict.fromkeys(PACKAGE.mails, b"newer"),
    )
    before = deployed.everything()

    outcomes = deployed.show(
        DeployRequest(units=(LATER,), parameters={"ResourceOwnerTag": "team"}, enforce=True)
    )

    assert deployed.everything() == before
    assert deployed.stacks.open == {}
    said = {name: each.said for name, each in outcomes.items()}
    assert said == {
        "bucket": "would be protected",
        "zips": "would be uploaded",
        "mail templates": "would be uploaded",
        f"stack set {SET}": "would be updated",
        f"stack {SET} {EAST}": "would be updated",
        f"stack {LIST_STACK} {EAST}": "no changes",
        f"stack {NAMES.mail_events} {EAST}": "no changes",
        f"stack {NAMES.reports} {EAST}": "would be updated",
        f"stack {CORE_STACK} {EAST}": "would be updated",
        f"stack {NAMES.alarms} {EAST}": "no changes",
    }
    assert "ResourceOwnerTag: owner → team" in outcomes[f"stack set {SET}"].details
    assert "DryRunFlag: True → False" in outcomes[f"stack {CORE_STACK} {EAST}"].details


def test_the_proof_changes_nothing_shown_or_taken(deployed: World) -> None:
    proof = deployed.deployment().proof()
    before = deployed.everything()

    shown, taken = proof.show(), proof.take()

    assert (shown.said, shown.changed) == ("no changes", False)
    assert (taken.said, taken.changed) == ("they run what was built here", False)
    assert deployed.everything() == before


# --- what is refused, and what goes wrong -------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"trusted": frozenset()}, "no trusted access"),
        ({"has_all_features": False}, "all features"),
        ({"management_account": "444444444444"}, "^--management-profile=.*444444444444"),
    ],
)
def test_an_organisation_that_cannot_have_it_is_told_what_to_do_before_any_write(
    world: World, told: dict[str, Any], message: str
) -> None:
    world.organization_features.told = replace(world.organization_features.told, **told)
    before = world.everything()

    with pytest.raises(KeyturnError, match=message):
        world.deploy(FIRST)

    assert world.everything() == before


def test_another_organisation_than_the_one_that_was_meant_is_refused(world: World) -> None:
    with pytest.raises(
        InvalidValue, match=r"^--org-id=o-other12345: the organisation is o-a1b2c3d4e5$"
    ):
        world.deploy(replace(FIRST, organization="o-other12345"))


def test_a_unit_of_nobodys_is_refused_before_any_write(world: World) -> None:
    before = world.everything()

    with pytest.raises(InvalidValue, match=r"^--ou=ou-root-cccccccc: the organisation .* has no"):
        world.deploy(replace(FIRST, units=(UNIT, "ou-root-cccccccc")))

    assert world.everything() == before


@pytest.mark.parametrize(
    ("name", "value"), [("NoSuchParameter", "1"), ("RotationPeriod", "0"), ("Architecture", "z80")]
)
def test_a_parameter_that_no_template_has_or_takes_is_refused(
    world: World, name: str, value: str
) -> None:
    with pytest.raises(InvalidValue, match=name):
        PACKAGE.check({name: value})


def test_a_stack_set_of_the_same_name_that_is_not_ours_is_left_alone(world: World) -> None:
    world.sets.held[SET] = StackSet(name=SET, body="", parameters={}, is_service_managed=False)

    with pytest.raises(DeploymentFailed, match="not service-managed"):
        world.deploy(FIRST)

    assert world.sets.held[SET].body == ""


def test_a_stack_that_somebody_is_changing_is_left_alone(deployed: World) -> None:
    busy = replace(deployed.stacks.held[CORE_STACK], status="UPDATE_IN_PROGRESS")
    deployed.stacks.held[CORE_STACK] = busy

    with pytest.raises(DeploymentFailed, match="UPDATE_IN_PROGRESS"):
        deployed.deploy(DeployRequest(parameters={"RotationPeriod": "75"}))

    assert deployed.stacks.held[CORE_STACK] == busy


def test_a_stack_whose_creation_failed_is_made_anew_with_all_it_needs(world: World) -> None:
    broken = replace(PACKAGE.core, body="unmakeable")
    world.package = replace(PACKAGE, core=broken)
    with pytest.raises(DeploymentFailed, match=f"{CORE_STACK}: Thing: it is broken"):
        world.deploy(FIRST)
    world.package = PACKAGE

    outcomes = world.deploy(FIRST)

    assert outcomes[f"stack {CORE_STACK} {EAST}"].said == "made"
    assert world.core()["DryRunFlag"] == "True"


def test_a_stack_whose_creation_failed_is_not_touched_by_a_dry_run(world: World) -> None:
    world.stacks.held[CORE_STACK] = Stack(
        name=CORE_STACK, status="ROLLBACK_COMPLETE", parameters={}
    )
    before = world.everything()

    outcomes = world.show(FIRST)

    assert "made anew" in outcomes[f"stack {CORE_STACK} {EAST}"].said
    assert world.everything() == before


def test_an_account_that_fails_is_named_and_tried_again_the_next_time(world: World) -> None:
    world.sets.cannot = {SHOP: "the role exists"}
    failed = [step for step in world.steps(FIRST) if not step.is_vital]
    with pytest.raises(DeploymentFailed, match=f"{SHOP} in us-east-1: the role exists"):
        failed[0].take()
    world.sets.cannot = {}

    outcomes = world.deploy(FIRST)

    assert failed[0].title.split(" in ")[0] == f"stack set {SET}"
    assert outcomes[f"stack set {SET}"].details == (f"not up to date in {SHOP}",)
    assert world.sets.lagging == {}


def test_an_account_that_fails_keeps_no_new_unit_from_its_stacks(deployed: World) -> None:
    deployed.sets.cannot = deployed.sets.lagging = {SHOP: "the role exists"}

    with pytest.raises(DeploymentFailed, match=SHOP):
        deployed.deploy(DeployRequest(units=(LATER,)))

    assert deployed.sets.held[SET].units == {UNIT, LATER}


@pytest.mark.parametrize("method", ["find", "propose", "carry_out"])
def test_nothing_clear_from_cloudformation_changes_no_stack(deployed: World, method: str) -> None:
    before = deployed.everything()
    deployed.stacks.refuses[method] = Unavailable("nobody knows")

    with pytest.raises(Unavailable):
        deployed.deploy(DeployRequest(parameters={"RotationPeriod": "75"}))

    assert deployed.everything() == before
