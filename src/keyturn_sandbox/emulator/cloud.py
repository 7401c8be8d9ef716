"""
A local AWS: one organisation inside this process, with a clock that can be moved.

It is moto, held to what AWS documents. The rooms around this file say where moto
is kinder than AWS, and set it right: `iam_rules`, `sts_rules`, `secret_rules`,
`organization`, `event_bus`, `mailbox`.

`LocalCloud` is long, and is left so: it is the list of what a scene or a test can do to this AWS,
a few lines each, and whoever sets a scene finds all of it in one place. What has rules to it is in
the files beside this one.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any, Self
from unittest.mock import patch
from uuid import uuid4

import boto3
import time_machine
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.iam.models import AccessKey, AccessKeyLastUsed
from moto.kms.models import kms_backends
from moto.secretsmanager.models import FakeSecret

from keyturn_sandbox.emulator import protocol
from keyturn_sandbox.emulator.buckets import Bucket, Buckets
from keyturn_sandbox.emulator.call_log import Call, logged
from keyturn_sandbox.emulator.checkpoint import Checkpoint, Parts
from keyturn_sandbox.emulator.delays import Delays
from keyturn_sandbox.emulator.event_bus import EventBus, envelope
from keyturn_sandbox.emulator.event_history import EventHistory, SeenCall
from keyturn_sandbox.emulator.iam_rules import IamRules, Keyring, iam_of, in_utc
from keyturn_sandbox.emulator.injected_errors import InjectedError, KmsClosed, Throttling
from keyturn_sandbox.emulator.mail_feedback import MailFeedback
from keyturn_sandbox.emulator.mailbox import Mailbox, SentMail
from keyturn_sandbox.emulator.moto_backends import ask_moto
from keyturn_sandbox.emulator.organization import LocalOrganization
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, Params
from keyturn_sandbox.emulator.queues import Queues
from keyturn_sandbox.emulator.secret_rules import SecretRules, expiry_of, secrets_of
from keyturn_sandbox.emulator.shortcuts import shortcuts
from keyturn_sandbox.emulator.sts_rules import ADMIN_ROLE, Credentials, StsRules

REGION = "us-east-1"
MANAGEMENT_ACCOUNT = "111111111111"
_CALL = timedelta(milliseconds=1)

Perform = Callable[[ApiRequest], ApiResponse]
Layer = Callable[[ApiRequest, Perform], ApiResponse]
Rule = Callable[[ApiRequest], Params | ApiResponse | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """When, where and for what a key was last used."""

    at: datetime
    service: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    """One access key, as it stands."""

    user: str
    key_id: str
    status: str
    created: datetime
    last_used: KeyUse | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretState:
    """One secret, as it stands; `versions` are labels, and `values` texts, by version id."""

    name: str
    arn: str
    kms_key: str | None
    tags: Mapping[str, str]
    versions: Mapping[str, Sequence[str]]
    values: Mapping[str, str] = field(repr=False)
    gone_at: datetime | None  # if it is scheduled for deletion


class LocalCloud:
    """
    One AWS organisation inside this process; a context manager, one at a time.

    Every request that botocore would send passes through here. What happens to it is a chain
    of functions around "perform the request", outermost first:

    1. `layers`: what happens on the way between the caller and AWS. Empty at first; put a
       `Layer` in to make the network fail. It gets the request and the rest of the chain, and
       may pass the request on or not, before or after doing harm: raise one of botocore's
       connection errors instead of performing it (never arrived) or after performing it (the
       answer is lost), answer something else, or raise a BaseException (the caller dies here).
       botocore treats what a layer raises as it treats the network's errors, so it retries.
    2. The call log, `calls`: only what came through to AWS is in it, each attempt of its own.
    3. What AWS refuses: keys that do not work, sessions that have ended, and the errors
       that `deny` and `throttle` inject.
    4. Our rules, where AWS differs from moto; and moto for the rest.

    From 2 on one call is performed at a time, so handlers may run in threads.
    """

    def __init__(
        self,
        *,
        now: datetime,
        short_pages: bool = True,
        empty_pages: bool = True,
        ticks: bool = True,
    ) -> None:
        """ticks: whether the clock goes on by itself, or only by a millisecond at each call."""
        self._start, self._ticks = now, ticks
        self._closing = ExitStack()
        self._clock: time_machine.Traveller | None = None
        self._lock = RLock()
        self._injected_errors: list[InjectedError] = []
        self._admins: dict[str, Credentials] = {}
        self._keyring = Keyring()
        self._buckets = Buckets()
        self._queues = Queues()
        self._event_bus = EventBus(self._queues)
        self._mailbox = Mailbox(MailFeedback(self._event_bus))
        self.event_history = EventHistory()
        self.calls: list[Call] = []
        self.layers: list[Layer] = []
        self.organization = LocalOrganization(
            MANAGEMENT_ACCOUNT, now=lambda: self.now, empty_pages=empty_pages
        )
        self.delays = Delays()
        self.iam_rules = IamRules(self._keyring, self.delays, short_pages=short_pages)
        self._sts = StsRules(self.organization, self._keyring, self.delays)
        self._rules: Mapping[str, Mapping[str, Rule]] = {
            "iam": self.iam_rules.answers(),
            "sts": self._sts.answers(),
            "secretsmanager": SecretRules(self.delays, short_pages=short_pages).answers(),
            "organizations": self.organization.answers(),
            "s3": self._buckets.answers(),
            "sqs": self._queues.answers(),
            "events": self._event_bus.answers(),
            "sesv2": self._mailbox.answers(),
            "cloudtrail": self.event_history.answers(),
        }

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            # Beside the memory of all services this sets false credentials in the environment.
            opened.enter_context(mock_aws())
            opened.enter_context(shortcuts(self._sleep))
            opened.enter_context(patch.object(BotocoreStubber, "__call__", self._receiver()))
            # A number, for a date would also change the time zone of the whole process.
            travel = time_machine.travel(self._start.timestamp(), tick=self._ticks)
            self._clock = opened.enter_context(travel)
            self._closing = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    # The clock

    @property
    def now(self) -> datetime:
        """The moved time, UTC."""
        return self._start if self._clock is None else datetime.now(UTC)

    def move_to(self, moment: datetime) -> None:
        """Move the clock of everything in this process. Raises RuntimeError before it is open."""
        if self._clock is None:
            raise RuntimeError("the cloud is not open")
        self._clock.move_to(moment.timestamp())

    def _sleep(self, seconds: float) -> None:
        # A little longer: who waits for less than the clock can show would wait for ever.
        self.move_to(self.now + timedelta(seconds=seconds) + _CALL)

    # Who calls

    def session(self, account: str) -> boto3.Session:
        """Give administrator's credentials of an account: to set a scene, and for its owners."""
        if account not in self._admins:
            self._admins[account] = self._sts.open_session(
                _role_arn(account, ADMIN_ROLE), "sandbox"
            )
        return _session(self._admins[account])

    def role_session(self, account: str, role: str, name: str = "sandbox") -> boto3.Session:
        """Give a role's credentials, as a Lambda gets its own: they do not end."""
        return _session(self._sts.open_session(_role_arn(account, role), name))

    def key_session(self, key_id: str) -> boto3.Session:
        """Give the credentials that the owner of an access key has."""
        return boto3.Session(key_id, self._keyring.secrets[key_id], region_name=REGION)

    # Injected errors

    def deny(
        self,
        account: str | None,
        operation: str,
        error: str | None = None,
        *,
        times: int | None = None,
    ) -> InjectedError:
        """Refuse an operation to all but administrators, `times` times or until lifted."""
        return self._inject(
            InjectedError(account=account, operation=operation, error=error, times=times)
        )

    def throttle(
        self, account: str | None, operation: str, *, times: int | None = None
    ) -> InjectedError:
        """Answer an operation with the service's throttling error."""
        return self._inject(Throttling(account=account, operation=operation, times=times))

    def pass_on(
        self, account: str, source: str, detail_type: str, detail: Mapping[str, Any], *, bus: str
    ) -> None:
        """Let a rule of an account pass an event of AWS's own on to another account's bus."""
        event = envelope(
            account=account,
            region=REGION,
            source=source,
            detail_type=detail_type,
            at=self.now,
            detail=dict(detail),
        )
        with self._lock:
            self._event_bus.receive(event, bus, self.now)

    def close_kms(self, account: str | None, *, disabled: bool = False) -> InjectedError:
        """Let KMS refuse whatever a secret's value needs: by its policy, or as a disabled key."""
        return self._inject(KmsClosed(account=account, disabled=disabled))

    def _inject(self, injected: InjectedError) -> InjectedError:
        self._injected_errors.append(injected)
        return injected

    # Again from here

    def checkpoint(self, accounts: Sequence[str]) -> Checkpoint:
        """Keep how things are in some accounts; to call what comes back puts all that back."""
        now = self.now
        checkpoint = Parts(
            accounts=accounts,
            region=REGION,
            keyring=self._keyring,
            buckets=self._buckets,
            mailbox=self._mailbox,
            delays=self.delays,
            injected_errors=self._injected_errors,
            calls=self.calls,
        ).checkpoint()

        def put_back() -> None:
            checkpoint()
            self.move_to(now)

        return put_back

    # Setting the scene, without a call

    def add_role(
        self,
        account: str,
        role: str,
        trusted: str,
        *,
        conditions: Mapping[str, Mapping[str, object]] | None = None,
    ) -> str:
        """Make a role that an account (12 digits) or a principal (an ARN) may assume."""
        statement = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": trusted},
            "Condition": conditions or {},
        }
        made = iam_of(account).create_role(
            role_name=role,
            assume_role_policy_document=json.dumps({"Statement": [statement]}),
            path="/",
            permissions_boundary=None,
            description="",
            tags=[],
            max_session_duration="3600",
        )
        return made.arn

    def add_user(
        self,
        account: str,
        name: str,
        *,
        path: str = "/",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Make a user."""
        pairs = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        iam_of(account).create_user(REGION, name, path, pairs)

    def add_key(
        self,
        account: str,
        user: str,
        *,
        created: datetime | None = None,
        active: bool = True,
    ) -> str:
        """Make an access key, as old as wanted; its id comes back."""
        key = iam_of(account).create_access_key(user, status="Active" if active else "Inactive")
        self._keyring.add(account, key.access_key_id, key.secret_access_key)
        self.set_key_created(account, key.access_key_id, created or self.now)
        return key.access_key_id

    def set_key_created(self, account: str, key_id: str, at: datetime) -> None:
        """Say when a key was made."""
        self._key(account, key_id).create_date = _as_moto_has_it(at)

    def use_key(
        self,
        account: str,
        key_id: str,
        at: datetime,
        service: str = "s3",
        region: str = REGION,
    ) -> None:
        """Say when a key was last used, and for what."""
        use = AccessKeyLastUsed(_as_moto_has_it(at), service, region)
        self.delays.used(self._key(account, key_id), at, use)

    def sign_in(self, account: str, user: str, at: datetime) -> None:
        """Say when a user last signed in to the console."""
        iam_of(account).get_user(user).password_last_used = _as_moto_has_it(at)  # type: ignore[assignment]  # moto never sets it

    def see_call(self, account: str, key_id: str, event: str, region: str = REGION) -> None:
        """Let CloudTrail have seen a call with a key, just now."""
        seen = SeenCall(account=account, region=region, key_id=key_id, at=self.now, event=event)
        self.event_history.seen.append(seen)

    def add_seal_key(self, account: str, alias: str) -> None:
        """Make the KMS key that seals the members' secrets."""
        kms = kms_backends[account][REGION]
        made = kms.create_key(
            policy=None,
            key_usage="GENERATE_VERIFY_MAC",
            key_spec="HMAC_256",
            description="",
            tags=None,
        )
        kms.create_alias(made.id, alias)

    def verify_sender(self, account: str, identity: str, region: str = REGION) -> None:
        """Let an address or a domain send mail."""
        self._mailbox.verify(account, region, identity)

    def close_mailbox(self, address: str, *, closed: bool = True) -> None:
        """Let an address exist no more: mails to it bounce for good."""
        boxes = self._mailbox.feedback.dead
        (boxes.add if closed else boxes.discard)(address.lower())

    def fill_mailbox(self, address: str, *, full: bool = True) -> None:
        """Let a mailbox be full: mails to it bounce, and may arrive later."""
        boxes = self._mailbox.feedback.full
        (boxes.add if full else boxes.discard)(address.lower())

    def call_spam(self, address: str) -> None:
        """Let whoever reads there call each mail spam once it has arrived."""
        self._mailbox.feedback.annoyed.add(address.lower())

    def say_send_rate(self, mails: float) -> None:
        """Let SES say that it takes so many mails a second."""
        self._mailbox.max_send_rate = mails

    # Looking, without a call

    @property
    def sent_mails(self) -> Sequence[SentMail]:
        """The mails that SES has taken."""
        return self._mailbox.sent

    def secret_values(self) -> Mapping[str, str]:
        """Every secret access key that was ever handed out: key id → secret."""
        return self._keyring.secrets

    def last_used_of(self, account: str, key_id: str) -> KeyUse | None:
        """Say when a key was last used."""
        return _last_use(self._key(account, key_id))

    def keys(self, account: str) -> list[KeyState]:
        """Give the access keys of an account."""
        return [
            KeyState(
                user=user.name,
                key_id=key.access_key_id,
                status=key.status,
                created=in_utc(key.create_date),
                last_used=_last_use(key),
            )
            for user in iam_of(account).users.values()
            for key in user.access_keys
        ]

    def secrets(self, account: str, region: str = REGION) -> list[SecretState]:
        """Give the secrets of an account."""
        return [
            _secret_state(secret)
            for secret in secrets_of(account, region).secrets.values()
            if isinstance(secret, FakeSecret)
        ]

    def take_over(self, bucket: str, account: str) -> None:
        """Let an account take the name of a bucket that was deleted, and let everybody into it."""
        held = self._buckets.buckets[bucket].objects
        taken = Bucket(owner=account, lets_everybody_in=True, objects=held)
        self._buckets.buckets[bucket] = taken

    def objects(self, bucket: str) -> Mapping[str, bytes]:
        """Give the objects in a bucket, whoever owns it: name → content."""
        return {
            name: stored.body for name, stored in self._buckets.buckets[bucket].objects.items()
        }

    # From another process

    def receive(self, service: str, operation: str, http: AWSPreparedRequest) -> AWSResponse:
        """
        Answer a request that came over the network, as if botocore had sent it here.

        It is signed as `signature_of` does: whoever lets it in has looked whose key it names.
        """
        return self._receive(f"before-send.{service}.{operation}", http)

    def _key(self, account: str, key_id: str) -> AccessKey:
        return iam_of(account).access_keys[key_id]

    # The way of a request

    def _receiver(self) -> Callable[..., AWSResponse]:
        # It takes the place of a method, so it must be a function: the stubber comes first.
        def receive(
            _: BotocoreStubber, event_name: str, request: AWSPreparedRequest, **__: object
        ) -> AWSResponse:
            return self._receive(event_name, request)

        return receive

    def _receive(self, event_name: str, http: AWSPreparedRequest) -> AWSResponse:
        perform: Perform = self._arrive
        for layer in reversed(self.layers):
            perform = _around(layer, perform)
        answer = perform(self._read(event_name, http))
        headers: Any = dict(answer.headers)
        raw: Any = MockRawResponse(answer.body)
        return AWSResponse(http.url, answer.status, headers, raw)

    def _read(self, event_name: str, http: AWSPreparedRequest) -> ApiRequest:
        service, operation = protocol.service_and_operation(event_name)
        access_key_id, region, signature = protocol.signed_by(http)
        caller = self._sts.caller(access_key_id)
        return ApiRequest(
            at=self.now,
            request_id=str(uuid4()),
            service=service,
            operation=operation,
            region=region,
            access_key_id=access_key_id,
            signature=signature,
            account=caller.account if caller else "",
            principal=caller.arn if caller else "",
            params=protocol.params_of(service, operation, http),
            http=http,
        )

    def _arrive(self, request: ApiRequest) -> ApiResponse:
        with self._lock:
            try:
                answer = self._perform(request)
            except ApiError as refusal:
                answer = protocol.refused(request, refusal)
            self.calls.append(logged(request, answer))
            if not self._ticks:
                self.move_to(self.now + _CALL)
        return answer

    def _perform(self, request: ApiRequest) -> ApiResponse:
        self._sts.check(request)
        if f":assumed-role/{ADMIN_ROLE}/" not in request.principal:
            for injected in self._injected_errors:
                injected.apply(request)
        rule = self._rules.get(request.service, {}).get(request.operation)
        result = rule(request) if rule else None
        if result is None:
            return ask_moto(request)
        return result if isinstance(result, ApiResponse) else protocol.answered(request, result)


def _around(layer: Layer, inner: Perform) -> Perform:
    return lambda request: layer(request, inner)


def _session(credentials: Credentials) -> boto3.Session:
    return boto3.Session(
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
        region_name=REGION,
    )


def _role_arn(account: str, role: str) -> str:
    return f"arn:aws:iam::{account}:role/{role}"


def _as_moto_has_it(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _last_use(key: AccessKey) -> KeyUse | None:
    used = key.last_used
    if used is None:
        return None
    return KeyUse(at=in_utc(used.timestamp), service=used.service, region=used.region)


def _secret_state(secret: FakeSecret) -> SecretState:
    return SecretState(
        name=secret.name,
        arn=secret.arn,
        kms_key=secret.kms_key_id,
        tags={tag["Key"]: tag["Value"] for tag in secret.tags or []},
        versions={
            version: tuple(found["version_stages"]) for version, found in secret.versions.items()
        },
        values={
            version: found["secret_string"]
            for version, found in secret.versions.items()
            if "secret_string" in found
        },
        gone_at=expiry_of(secret),
    )
