"""Make AWS clients: with our retries and time-outs, and with every write in the log."""

import logging
import string
from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from keyturn import __version__
from keyturn.adapters.aws_errors import note_unanswered
from keyturn.adapters.sdk_session import AnySession, core_of
from keyturn.adapters.throttling import keep_to
from keyturn.adapters.timestamps import read_timestamp
from keyturn.adapters.token_bucket import TokenBucket
from keyturn.domain.errors import Refused

Journal = Callable[[str, Mapping[str, str]], None]
"""Gets every write: the action as IAM spells it, and parameter → what was written to."""

ATTEMPTS = 4
"""How often a call is sent at most, the first time counted."""
CONNECT_SECONDS = 3
READ_SECONDS = 10
"""A call that hangs ends within 52 seconds, and the pauses between; a function spares 180."""
MOST_CONNECTIONS = 128
"""So many work at once from a laptop, by default: 16 accounts with 8 users each."""

WRITES = {
    "iam": ("CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "RemoveUserFromGroup"),
    "secretsmanager": (
        "CreateSecret",
        "PutSecretValue",
        "TagResource",
        "UntagResource",
        "RestoreSecret",
        "DeleteSecret",
    ),
}
WHATEVER_MAY_HAPPEN: Final = frozenset({"PutSecretValue"})
"""
Writes that are sent again as patiently as reads: no news that grows old allows them.

The secret is nowhere else, and `store` asks anew before each attempt.
"""
NAMED = ("UserName", "GroupName", "AccessKeyId", "Status", "Name", "SecretId")
"""The parameters that say what was written to; never a value."""
_OWNER = "ExpectedBucketOwner"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
_IN_A_NAME: Final = frozenset(string.ascii_letters + string.digits + "!$%&'*+-.^_`|~,#")
"""What botocore leaves of an application's id; all else becomes a hyphen."""
# Sessions of member accounts share their parts, and no part may make two clients at once.
_MAKING: Final = RLock()


def client(
    session: AnySession,
    service: str,
    *,
    attempts: int = ATTEMPTS,
    waits: bool = True,
    region: str | None = None,
) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
    """
    Make a client of the service. Many threads may use it.

    Raises Refused where it cannot be made as AWS is configured on this machine.

    Args:
        session: whose credentials and region it has.
        service: as boto3 calls it.
        attempts: how often a call is sent at most, the first time counted.
        waits: adaptive; whoever is throttled sends less for a while, instead of being throttled
            again. Without, a call goes at once or not at all: an intent holds for a minute.
        region: another one than the session's.

    """
    # At debug level botocore logs whole answers, and CreateAccessKey's holds the secret.
    for name in ("boto3", "botocore", "urllib3"):
        if logging.getLogger(name).getEffectiveLevel() < logging.INFO:
            logging.getLogger(name).setLevel(logging.INFO)
    inner = core_of(session)
    try:
        config = Config(
            retries={"total_max_attempts": attempts, "mode": "adaptive" if waits else "standard"},
            max_pool_connections=MOST_CONNECTIONS,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            user_agent=_user_agent(inner),
        )
        with _MAKING:
            inner.get_component("response_parser_factory").set_parser_defaults(
                timestamp_parser=read_timestamp
            )
            made_client: Any = inner.create_client(service, region_name=region, config=config)
    except (BotoCoreError, OSError, ValueError) as error:
        # Endpoints, certificates and modes are the operator's configuration.
        message = f"as AWS is configured here, {service} cannot be asked: {error}"
        raise Refused(message) from error
    made_client.meta.events.register("response-received", note_unanswered)
    return made_client


def shared_client(
    session: AnySession,
    service: str,
    bucket: TokenBucket,
    *,
    attempts: int = ATTEMPTS,
    stops: bool = False,
) -> Any:  # noqa: ANN401 -- as above
    """
    Make a client that asks no faster than the account bears, and again what it throttled.

    bucket: of all who ask the service in that account. attempts: 1 repeats nothing, not even what
    was throttled. stops: it is to stop a leaked key, so that no call waits for a token, and its
    writes are sent again as patiently as reads. Raises Refused as `client` does.
    """
    made = client(session, service, attempts=attempts, waits=False)
    writes = frozenset(WRITES.get(service, ()))
    keep_to(
        bucket,
        made,
        on_credit=made.meta.service_model.operation_names if stops else writes,
        shortly=frozenset() if stops else writes - WHATEVER_MAY_HAPPEN,
        once=attempts == 1,
    )
    return made


def _user_agent(inner: Session) -> str:
    """
    Who calls: us, the SDK, Python, the operating system, and the application's id of the profile.

    It is made once. botocore builds its own for every call, twice, of what else it was asked for;
    that took a third of our CPU, and tells AWS nothing that we need it to know.
    """
    # botocore adds `extra`, which names itself, to whatever is given.
    of_the_sdk = inner.user_agent().removesuffix(inner.user_agent_extra).strip()
    names = [f"keyturn/{__version__}", of_the_sdk]
    if application := inner.get_config_variable("user_agent_appid"):
        names.append("app/" + "".join(c if c in _IN_A_NAME else "-" for c in application))
    return " ".join(names)


def bucket_client(
    session: AnySession,
    owner: Callable[[], str | None],
    tokens: TokenBucket | None = None,
    *,
    waits: bool = True,
) -> Any:  # noqa: ANN401 -- as above
    """
    Make a client of S3 that says in every call whose the bucket must be.

    A bucket's name is free for everybody once the bucket is gone: who takes it then would
    supply receipts, plans and the pause. owner: the account, asked once there is a call; None
    names nobody. tokens: shared with other clients; None: this one has none. waits: adaptive,
    without tokens; else a call goes at once, and is given up shortly.
    """
    made = shared_client(session, "s3", tokens) if tokens else client(session, "s3", waits=waits)

    def name_the_owner(params: dict[str, Any], model: Any, **_: object) -> dict[str, Any]:  # noqa: ANN401 -- botocore's model of an operation
        if _OWNER not in model.input_shape.members:  # CreateBucket: there is no owner yet
            return params
        account = owner()
        return params if account is None else {_OWNER: account, **params}

    made.meta.events.register("provide-client-params.s3", name_the_owner)
    return made


def write_to(journal: Journal, client: Any, service: str) -> None:  # noqa: ANN401 -- as above
    """Have the journal get every write that the client makes, with AWS's request id."""
    for operation in WRITES[service]:
        events = client.meta.events
        events.register(f"provide-client-params.{service}.{operation}", _remember)
        events.register(
            f"after-call.{service}.{operation}", _reporter(journal, service, operation)
        )


def _remember(params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
    context["keyturn"] = {name: str(params[name]) for name in NAMED if name in params}


def _reporter(journal: Journal, service: str, operation: str) -> Callable[..., None]:
    def report(parsed: Mapping[str, Any], context: Mapping[str, Any], **_: object) -> None:
        facts = dict(context.get("keyturn", {}))
        made = parsed.get("AccessKey", {})
        if "AccessKeyId" in made:
            facts["AccessKeyId"] = made["AccessKeyId"]
        facts["request_id"] = parsed.get("ResponseMetadata", {}).get("RequestId", "")
        if "Error" in parsed:
            facts["error"] = parsed["Error"].get("Code", "")
        journal(f"{service}:{operation}", facts)

    return report
