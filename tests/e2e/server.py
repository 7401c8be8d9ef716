"""
The emulated AWS of the end-to-end run: ministack, made to behave as AWS does where we meet it.

Each mend names AWS's own documentation. It runs as a process of its own, in the environment of
this folder's uv.lock, and takes a few orders beside AWS's API (see `Orders`).
"""

import json
import os
import re
import threading
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import time_machine
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import eventbridge, iam, kms, lambda_svc, organizations, secretsmanager
from ministack.services.cloudformation import changesets, engine, handlers, provisioners
from ministack.services.cloudformation import stacks as cloudformation_stacks

Answer = tuple[int, dict[str, str], bytes]
Fields = dict[str, Any]

PAGE = 2
"""Entries on a page: so few that every reader has to turn it."""
MATH = "metric-math"
"""The namespace that an alarm on an expression is shown with; test_upgrade.py knows it."""


def mend() -> None:
    """Close every gap."""
    for gap in (
        organization,
        principals,
        paths,
        kms_keys,
        buckets,
        events,
        users_and_keys,
        secrets,
        stacks,
        schedules,
        event_sources,
        alarms,
    ):
        gap()


# --- CloudWatch ---------------------------------------------------------------------------------


def alarms() -> None:
    """
    An alarm on a metric math expression is made, too; nobody here evaluates it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create-alarm-on-metric-math-expression.html
    """
    record = provisioners._cw_metric_alarm_record

    def with_math(name: str, properties: Fields) -> Fields:
        if not properties.get("Metrics"):
            return record(name, properties)  # type: ignore[no-any-return]  # ministack is not typed
        rest = {key: value for key, value in properties.items() if key != "Metrics"}
        # A metric that nobody measures: it stays as it is when it is made.
        return record(name, {**rest, "Namespace": MATH, "MetricName": name})  # type: ignore[no-any-return]  # likewise

    provisioners._cw_metric_alarm_record = with_math


# --- Organizations ------------------------------------------------------------------------------


def organization() -> None:
    """
    One organisation for all its accounts, and lists in pages.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
    """
    for operation, field in (
        ("ListAccounts", "Accounts"),
        ("ListAccountsForParent", "Accounts"),
        ("ListOrganizationalUnitsForParent", "OrganizationalUnits"),
    ):
        _page(operation, field)
    iam_evaluator._principal_org_id = _organization_of


def _page(operation: str, field: str) -> None:
    whole = organizations._DISPATCH[operation]

    def paged(asked: Fields) -> Answer:
        status, headers, body = whole(asked)
        if status != 200:
            return status, headers, body
        start = int(asked.get("NextToken") or 0)
        entries = json.loads(body)[field]
        answer = {field: entries[start : start + PAGE]}
        if start + PAGE < len(entries):
            answer["NextToken"] = str(start + PAGE)
        return organizations._json(200, answer)

    organizations._DISPATCH[operation] = paged


def _organization_of(account: str) -> str | None:
    """The organisation that the account is the head or a member of; ministack knows the head's."""
    for head, member in organizations._accounts._data:
        if account in {head, member}:
            return organizations._orgs.get_scoped(head, None, "self")["Id"]
    return None


# --- who asks for what -------------------------------------------------------------------------


def principals() -> None:
    """
    What IAM asks by.

    A session's aws:PrincipalArn is its role's ARN; a function's calls name the function. A user's
    ARN holds its path, and a key's last use is asked of its user. Listing a unit is asked of the
    unit, a mail of its sender's identity, a batch of messages as one.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsesv2.html
    """
    resolve = iam_evaluator._resolve_condition_key

    def of_the_role(key: str, context: Any) -> Any:
        if key.lower() == "lambda:sourcefunctionarn":
            return _function_of(context.principal_arn)
        arn = resolve(key, context)
        if key.lower() == "aws:principalarn" and ":assumed-role/" in arn:
            account, name = arn.split(":")[4], arn.split("/")[1]
            return iam._roles.get_scoped(account, None, name)["Arn"]
        return arn

    iam_evaluator._resolve_condition_key = of_the_role

    extract = iam_actions.extract_resource_arn

    def resource_of(service: str, method: str, path: str, *rest: Any) -> str:
        arn = extract(service, method, path, *rest)
        _, body, _, region, account = rest
        if path == "/v2/email/outbound-emails":
            sender = json.loads(body)["FromEmailAddress"]
            return f"arn:aws:ses:{region}:{account}:identity/{sender}"
        if service == "organizations" and b"ParentId" in body:
            return _arn_of_unit(account, json.loads(body)["ParentId"])
        name = ""
        if service == "iam" and b"Action=GetAccessKeyLastUsed" in body:
            [key] = parse_qs(body.decode())["AccessKeyId"]
            name = iam._access_keys.get(key, {}).get("UserName", "")
        elif found := re.fullmatch(rf"arn:aws:iam::{account}:user/([^/]+)", arn):
            name = found[1]
        user = iam._users.get(name)
        return user["Arn"] if user else arn

    iam_actions.extract_resource_arn = resource_of

    action_of = iam_actions.extract_iam_action

    def of_one(*request: Any) -> str | None:
        action = action_of(*request)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    iam_actions.extract_iam_action = of_one


def paths() -> None:
    """
    The ARN of a user or a group that is made holds the path; who joins a group asks the group.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    """
    extract = iam_actions.extract_resource_arn

    def with_path(service: str, *rest: Any) -> str:
        *_, body, _, _, account = rest
        named = _arn_by_path(account, body) if service == "iam" else None
        return named or extract(service, *rest)

    iam_actions.extract_resource_arn = with_path


def _arn_by_path(account: str, body: bytes) -> str | None:
    """The ARN of who is made, with the path, and of a group; None: it is about something else."""
    asked = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    path = asked.get("Path", "/")
    match asked.get("Action"):
        case "CreateUser":
            return f"arn:aws:iam::{account}:user{path}{asked['UserName']}"
        case "CreateGroup":
            return f"arn:aws:iam::{account}:group{path}{asked['GroupName']}"
        case "AddUserToGroup" | "RemoveUserFromGroup" | "GetGroup" | "DeleteGroup":
            group = iam._groups.get(asked["GroupName"])
            return group["Arn"] if group else None
    return None


def kms_keys() -> None:
    """
    What is asked of an alias is asked of its key, which is known by its aliases.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-resource-aliases
    """
    resolve, extract = iam_evaluator._resolve_condition_key, iam_actions.extract_resource_arn

    def by_aliases(key: str, context: Any) -> Any:
        if key.lower() != "kms:resourcealiases":
            return resolve(key, context)
        own = context.resource_arn.rpartition("/")[2]
        return [arn.rpartition(":")[2] for arn, of in kms._aliases.items() if of == own]

    def key_of(service: str, *rest: Any) -> str:
        arn = extract(service, *rest)
        if service != "kms" or arn not in kms._aliases:
            return arn
        return f"{arn.partition(':alias/')[0]}:key/{kms._aliases[arn]}"

    iam_evaluator._resolve_condition_key = by_aliases
    iam_actions.extract_resource_arn = key_of


def buckets() -> None:
    """
    What a conditional write tells the policy of its bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
    """
    context_of = iam_actions.s3_service_context

    def with_condition(action: str, query: Any, path: str = "", headers: Any = None) -> Fields:
        context: Fields = context_of(action, query, path, headers)
        condition = (headers or {}).get("if-none-match")
        if action == "s3:PutObject" and condition:
            context["s3:if-none-match"] = condition
        return context

    iam_actions.s3_service_context = with_condition


_put: ContextVar[list[Fields]] = ContextVar("_put", default=[])  # noqa: B039 -- nobody adds to it
"""The events that the call under way puts on a bus."""


def events() -> None:
    """
    What the call that puts events on a bus says of them; and a bus is asked for by its name.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    """
    resolve, extract = iam_evaluator._resolve_condition_key, iam_actions.extract_resource_arn
    fields = {"events:source": "Source", "events:detail-type": "DetailType"}

    def of_what_is_put(key: str, context: Any) -> Any:
        values = {each.get(fields.get(key.lower(), "")) for each in _put.get()}
        if values <= {None}:
            return resolve(key, context)
        return values.pop() if len(values) == 1 else sorted(map(str, values))

    def remember_what_is_put(service: str, method: str, path: str, *rest: Any) -> str:
        body = rest[1]
        is_put = service == "events" and b'"Entries"' in body
        _put.set(json.loads(body)["Entries"] if is_put else [])
        return _arn_of_bus(service, *rest) or extract(service, method, path, *rest)

    iam_evaluator._resolve_condition_key = of_what_is_put
    iam_actions.extract_resource_arn = remember_what_is_put


def _arn_of_bus(
    service: str, headers: Any, body: bytes, _query: Any, region: str, account: str
) -> str | None:
    """The bus that is made, described or deleted, or whose tags are listed."""
    called = {name.lower(): value for name, value in headers.items()}.get("x-amz-target", "")
    if service != "events" or not re.search(r"\.(\w+EventBus|ListTagsForResource)$", called):
        return None
    asked = json.loads(body)
    name = asked.get("Name", "default")
    return str(asked.get("ResourceARN") or f"arn:aws:events:{region}:{account}:event-bus/{name}")


def _function_of(session: str) -> str | None:
    """The function whose code calls: ministack gives its session the function's name."""
    found = re.fullmatch(r"arn:aws:sts::(\d{12}):assumed-role/[^/]+/([^/]+)", session)
    if found is None:
        return None
    function = lambda_svc._functions.get_scoped(found[1], get_region(), found[2])
    return function["config"]["FunctionArn"] if function else None


def _arn_of_unit(head: str, unit: str) -> str:
    kind = "root" if unit.startswith("r-") else "ou"
    return f"arn:aws:organizations::{head}:{kind}/{organizations._orgs['self']['Id']}/{unit}"


# --- IAM ----------------------------------------------------------------------------------------

last_used: dict[str, tuple[str, str, str]] = {}


def users_and_keys() -> None:
    """
    Two keys at most for a user, and their last use; users in pages.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html
    """
    create = iam._create_access_key

    def two_at_most(asked: Fields) -> Answer:
        user = iam._p(asked, "UserName")
        if sum(key["UserName"] == user for key in iam._access_keys.values()) >= 2:
            text = "Cannot exceed quota for AccessKeysPerUser: 2"
            return iam._error(409, "LimitExceeded", text, ns="iam")
        return create(asked)

    iam._IAM_HANDLERS["CreateAccessKey"] = two_at_most
    iam._IAM_HANDLERS["GetAccessKeyLastUsed"] = _last_use
    iam._IAM_HANDLERS["ListUsers"] = _users_in_pages


def _last_use(asked: Fields) -> Answer:
    key = iam._p(asked, "AccessKeyId")
    if key not in iam._access_keys:
        text = f"The Access Key with id {key} cannot be found."
        return iam._error(404, "NoSuchEntity", text, ns="iam")
    when, service, region = last_used.get(key, ("", "N/A", "N/A"))
    date = f"<LastUsedDate>{when}</LastUsedDate>" if when else ""
    return iam._xml(
        200,
        "GetAccessKeyLastUsedResponse",
        "<GetAccessKeyLastUsedResult>"
        f"<UserName>{iam._access_keys[key]['UserName']}</UserName><AccessKeyLastUsed>{date}"
        f"<Region>{region}</Region><ServiceName>{service}</ServiceName></AccessKeyLastUsed>"
        "</GetAccessKeyLastUsedResult>",
        ns="iam",
    )


def _users_in_pages(asked: Fields) -> Answer:
    prefix = iam._p(asked, "PathPrefix") or "/"
    names = sorted(name for name, user in iam._users.items() if user["Path"].startswith(prefix))
    start = int(iam._p(asked, "Marker") or 0)
    users = "".join(
        f"<member>{iam._user_xml(name, boundary=False)}</member>"
        for name in names[start : start + PAGE]
    )
    more = start + PAGE < len(names)
    marker = f"<Marker>{start + PAGE}</Marker>" if more else ""
    return iam._xml(
        200,
        "ListUsersResponse",
        f"<ListUsersResult><Users>{users}</Users>{marker}"
        f"<IsTruncated>{str(more).lower()}</IsTruncated></ListUsersResult>",
        ns="iam",
    )


# --- Secrets Manager ----------------------------------------------------------------------------


def secrets() -> None:
    """
    A value written again under its token is no new version; no value, no version; no odd names;
    and a list says what secrets are encrypted with.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_SecretListEntry.html
    """
    put, create = secretsmanager._put_secret_value, secretsmanager._create_secret
    list_all = secretsmanager._list_secrets

    def put_once(asked: Fields) -> Answer:
        _, secret = secretsmanager._resolve(asked.get("SecretId"))
        token = asked.get("ClientRequestToken")
        version = ((secret or {}).get("Versions") or {}).get(token)
        if version is None or secret["DeletedDate"]:
            return put(asked)
        if version.get("SecretString") == asked.get("SecretString"):
            done = {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token}
            return secretsmanager.json_response({**done, "VersionStages": version["Stages"]})
        text = "You can't use ClientRequestToken: that value is already in use for a version."
        return secretsmanager.error_response_json("ResourceExistsException", text, 400)

    def create_as_asked(asked: Fields) -> Answer:
        name = asked.get("Name", "")
        if not re.fullmatch(r"[\w/+=.@-]{1,512}", name, re.ASCII):
            text = (
                "Invalid name. Must be a valid name containing alphanumeric characters, or /_+=.@-"
            )
            return secretsmanager.error_response_json("ValidationException", text, 400)
        answer = create(asked)
        if answer[0] == 200 and not asked.get("SecretString") and not asked.get("SecretBinary"):
            secretsmanager._resolve(name)[1]["Versions"].clear()
        return answer

    def list_with_keys(asked: Fields) -> Answer:
        status, headers, body = list_all(asked)
        found = json.loads(body)
        for each in found.get("SecretList", ()):
            _, secret = secretsmanager._resolve(each["ARN"])
            if kms_key := secret.get("KmsKeyId"):
                each["KmsKeyId"] = kms_key
        return status, headers, json.dumps(found).encode()

    secretsmanager._list_secrets = list_with_keys
    secretsmanager._put_secret_value = put_once
    secretsmanager._create_secret = create_as_asked


# --- CloudFormation -----------------------------------------------------------------------------


def stacks() -> None:
    """
    Groups; roles that are there already, which fail; and conditions that ask for a mapping, the
    region, or a part of a parameter.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-group.html
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-split.html
    """

    def create_group(logical: str, wanted: Fields, stack: str) -> tuple[str, Fields]:
        name = wanted.get("GroupName") or provisioners._physical_name(stack, logical, max_len=128)
        made = iam._create_group({"GroupName": [name], "Path": [wanted.get("Path", "/")]})
        if made[0] != 200:
            raise ValueError(f"{name} already exists")
        return name, {"Arn": iam._groups[name]["Arn"]}

    provisioners._RESOURCE_HANDLERS["AWS::IAM::Group"] = {
        "create": create_group,
        "delete": lambda name, _wanted: iam._groups.pop(name, None),
    }

    roles = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    create_role = roles["create"]

    def create_new_role(logical: str, wanted: Fields, stack: str) -> tuple[str, Fields]:
        if (name := wanted.get("RoleName")) in iam._roles:
            raise ValueError(f"Role with name {name} already exists.")
        return create_role(logical, wanted, stack)

    roles["create"] = create_new_role

    evaluate = engine._evaluate_conditions

    def evaluate_with_mappings(template: Fields, parameters: Fields) -> Fields:
        given = {name: told["Value"] for name, told in parameters.items()}
        conditions, mappings = template.get("Conditions", {}), template.get("Mappings", {})
        looked_up = _look_up(conditions, mappings, given)
        return evaluate({**template, "Conditions": looked_up}, parameters)

    for module in (changesets, engine, handlers, provisioners, cloudformation_stacks):
        module._evaluate_conditions = evaluate_with_mappings


def _look_up(node: Any, mappings: Fields, given: Fields) -> Any:  # noqa: PLR0911 -- one a function
    """Put in what stands in the mappings, and where we are; take texts apart."""

    def look_up(part: Any) -> Any:
        return _look_up(part, mappings, given)

    match node:
        case list():
            return [look_up(each) for each in node]
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{(\w+)}", lambda found: str(given[found[1]]), text)
        case {"Fn::Split": [separator, text]}:
            return look_up(text).split(separator)
        case {"Ref": "AWS::Region"}:
            return get_region()
        case {"Ref": "AWS::Partition"}:
            return "aws"
        case {"Fn::FindInMap": keys}:
            return engine.find_in_map(keys, mappings, look_up)
        case dict():
            return {name: look_up(each) for name, each in node.items()}
    return node


# --- the clock ----------------------------------------------------------------------------------


def schedules() -> None:
    """Look every second whether a rule is due, so that nobody waits for it."""
    eventbridge._SCHEDULER_TICK_INTERVAL = 1


class Clock:
    """The time of the emulated AWS; what it starts follows, by moved_clock/sitecustomize.py."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._moved = timedelta()
        self._travel: Any = None
        self._running = 0
        self._quiet = threading.Condition()
        invoke = lambda_runtime.Worker.invoke

        def counted(worker: Any, *given: Any, **named: Any) -> Any:
            with self._quiet:
                self._running += 1
            try:
                return invoke(worker, *given, **named)
            finally:
                with self._quiet:
                    self._running -= 1
                    self._quiet.notify()

        lambda_runtime.Worker.invoke = counted

    def move_to(self, then: datetime) -> None:
        """Go on from then, while no function runs: AWS refuses what was signed at another time."""
        with self._quiet:
            self._quiet.wait_for(lambda: self._running == 0)
            self._moved += then - datetime.now(UTC)
            if self._travel is not None:
                self._travel.stop()
            self._file.write_text(str(self._moved.total_seconds()))
            self._travel = time_machine.travel(datetime.now(UTC) + self._moved, tick=True)
            self._travel.start()


# --- what was called ----------------------------------------------------------------------------

calls: list[Fields] = []


def event_sources() -> None:
    """
    A concurrency that a template takes from a parameter is a number.

    https://docs.aws.amazon.com/lambda/latest/api/API_ScalingConfig.html
    """
    concurrency = lambda_svc._sqs_esm_concurrency

    def as_a_number(mapping: Fields, *given: Any) -> int:
        scaling = {name: int(value) for name, value in mapping.get("ScalingConfig", {}).items()}
        return concurrency({**mapping, "ScalingConfig": scaling}, *given)

    lambda_svc._sqs_esm_concurrency = as_a_number


def listen() -> None:
    """Remember every call that IAM judged: who, what, on what, allowed or not."""
    judge = iam_evaluator.enforce

    def remember(key: str, action: str, service: str, region: str, **named: Any) -> Any:
        refused = judge(key, action, service, region, **named)
        caller = iam_evaluator.resolve_principal(key or "", get_account_id())
        calls.append(
            {
                "principal": getattr(caller, "arn", ""),
                "action": action,
                "resource": named.get("resource_arn", "*"),
                "allowed": refused is None,
            }
        )
        if key and key.startswith("AKIA"):
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            last_used[key] = (now, service, region)
        return refused

    iam_evaluator.enforce = remember


# --- orders -------------------------------------------------------------------------------------


class Orders:
    """What the stage may ask for beside AWS's API, as JSON over HTTP on this machine."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def move_clock(self, to: str) -> None:
        self._clock.move_to(datetime.fromisoformat(to))

    def age_key(self, account: str, key: str, days: int) -> None:
        """Let the key have been made so many days ago."""
        with request_scope(account, "us-east-1"):
            born = datetime.now(UTC) - timedelta(days=days)
            iam._access_keys[key]["CreateDate"] = born.strftime("%Y-%m-%dT%H:%M:%SZ")

    def found_organization(self, head: str, name: str, members: dict[str, str]) -> None:
        """Make an organisation of this id with these accounts; each account's name by its id."""
        with request_scope(head, "us-east-1"):
            organizations._ensure_org()
            organizations._orgs["self"]["Id"] = name
            root = next(iter(organizations._roots))
            for account, called in members.items():
                organizations._accounts[account] = {
                    "Id": account,
                    "Arn": f"arn:aws:organizations::{head}:account/{name}/{account}",
                    "Email": f"aws-{called}@example.com",
                    "Name": called,
                    "Status": "ACTIVE",
                    "JoinedMethod": "CREATED",
                    "JoinedTimestamp": int(datetime.now(UTC).timestamp()),
                    "_ParentId": root,
                }

    def credentials(self, account: str, function: str) -> Fields:
        """What the function runs with."""
        with request_scope(account, "us-east-1"):
            config = lambda_svc._functions[function]["config"]
            given = lambda_runtime.execution_credentials(config)
        return {
            "AccessKeyId": given["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": given["AWS_SECRET_ACCESS_KEY"],
            "SessionToken": given["AWS_SESSION_TOKEN"],
        }

    def forward_api_call(self, member: str, hub: str, call: Fields) -> None:
        """Let the rule of a member hand on what CloudTrail saw; nothing here sees or forwards."""
        with request_scope(hub, "us-east-1"):
            eventbridge._dispatch_event(
                {
                    "EventId": call["eventID"],
                    "Source": "aws.iam",
                    "DetailType": "AWS API Call via CloudTrail",
                    "Detail": json.dumps(call),
                    "EventBusName": "asa-iam-key-rotation",
                    "Time": datetime.now(UTC).timestamp(),
                    "Resources": [],
                    "Account": member,
                    "Region": "us-east-1",
                }
            )

    def calls(self) -> list[Fields]:
        return calls


def obey(orders: Orders, port: int) -> None:
    """Take orders until the process ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = getattr(orders, self.path.strip("/"))(**asked)
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


if __name__ == "__main__":
    # Not for us, who move the clock, but for the functions that we start.
    os.environ["PYTHONPATH"] = str(Path(__file__).parent / "moved_clock")
    if os.environ.get("MEND") != "no":  # docs/fidelity.md shows ministack as it is, too
        mend()
    listen()
    obey(Orders(Clock(Path(os.environ["CLOCK_FILE"]))), int(os.environ["ORDERS_PORT"]))

    from ministack.app import main

    main()
