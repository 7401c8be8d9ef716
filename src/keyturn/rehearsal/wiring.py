"""Which adapters stand behind a rehearsal, each with its calls guarded."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.adapters.clients import bucket_client, client
from keyturn.adapters.kms import SealKeyInKms
from keyturn.adapters.sts import session_as
from keyturn.rehearsal.adapters.buses_left import BusesLeft
from keyturn.rehearsal.adapters.delivered_keys import AwsKeyHolder, SecretReader
from keyturn.rehearsal.adapters.iam_left import GroupsLeft, UsersLeft
from keyturn.rehearsal.adapters.iam_stage import IamStage
from keyturn.rehearsal.adapters.objects_left import ObjectsLeft
from keyturn.rehearsal.adapters.queues_left import QueuesLeft
from keyturn.rehearsal.adapters.secrets_left import SecretsLeft
from keyturn.rehearsal.guarding import Guard
from keyturn.rehearsal.model.delivered import DeliveredKey
from keyturn.rehearsal.model.own import Marks, RehearsalId
from keyturn.rehearsal.ports import Clock, Leftovers, Sleep
from keyturn.rehearsal.probes.bench import Bench
from keyturn.rehearsal.probes.catalogue import SECRETS

_OWN = frozenset({"kms", "sesv2"})
"""The services that probes ask in the operator's own account, where bucket and seals are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalAws:
    """What a rehearsal reaches: the account that it plays in, and the operator's own."""

    own: boto3.Session
    """The operator's: bucket, mails, the deployed functions."""
    member: boto3.Session
    """Of the account that it plays in; the same one where that is the operator's own."""
    account: str
    """The account that it plays in."""
    own_account: str
    guard: Guard

    @classmethod
    def of(
        cls,
        own: boto3.Session,
        guard: Guard,
        *,
        account: str | None,
        role: str | None,
        external_id: str | None,
    ) -> "RehearsalAws":
        """
        Connect, with every call guarded from the first one on.

        Args:
            own: the operator's session.
            guard: stands before all calls.
            account: where it plays; None: in the operator's own account.
            role: the name of the role by which that account is entered; None: none is needed.
            external_id: what the role's trust policy asks for, if it does.

        Raises:
            PortError: AWS does not say whose credentials these are.

        """
        guard.watch(own)
        own_account = _account_of(own)
        account = account or own_account
        member = own
        if role is not None:
            member = guard.watch(role_session(own, account, role, external_id))
        return cls(own=own, member=member, account=account, own_account=own_account, guard=guard)

    @property
    def region(self) -> str:
        """Where its secrets, queues and buses are, in whichever account it plays."""
        return str(self.own.region_name)

    def stage(self) -> IamStage:
        """The account that it plays in."""
        return IamStage(
            self.account,
            iam=client(self.member, "iam"),
            iam_once=client(self.member, "iam", attempts=1),
            secrets=client(self.member, "secretsmanager"),
            sts=client(self.member, "sts"),
        )

    def reader(self, role: str | None) -> SecretReader:
        """Who should be able to read; role: in that account; None: who plays."""
        session = self.member
        if role is not None:
            session = self.guard.watch(role_session(self.own, self.account, role, None))
        return SecretReader(client(session, "secretsmanager"))

    def key_holder(self) -> AwsKeyHolder:
        """Who has a delivered key."""
        return AwsKeyHolder(self._client_of_key)

    def bench(  # noqa: PLR0913 -- what probes work with
        self,
        marks: Marks,
        *,
        bucket: str | None,
        seal_key: str | None,
        clock: Clock,
        seconds: Callable[[], float],
        sleep: Sleep,
    ) -> Bench:
        """
        Where probes work: in the account that it plays in, and with the operator's own bucket.

        bucket, seal_key: None: their probes are not tried. seconds: a clock that only measures.
        """

        @cache
        def client_of(service: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
            if service == "s3":
                return bucket_client(self.own, lambda: self.own_account)
            return client(self.own if service in _OWN else self.member, service)

        def as_key(service: str, key_id: str, secret: str) -> Any:  # noqa: ANN401 -- as above
            return self._client_of_key(DeliveredKey(key_id=key_id, secret=secret), service)

        return Bench(
            client=client_of,
            as_key=as_key,
            id=marks.id,
            tags=marks.tags(),
            clock=clock,
            seconds=seconds,
            sleep=sleep,
            bucket=bucket,
            seal_key=seal_key,
        )

    def _client_of_key(self, key: DeliveredKey, service: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        return client(self.guard.watch(_session_of(key, self.member)), service)

    def disarm(self, user: str) -> int:
        """Take away the keys of a user of ours; meets `rehearsal.ports.Disarm`."""
        return UsersLeft(client(self.member, "iam")).disarm(user)

    def objects_in(
        self, bucket: str, ids: Callable[[], Collection[RehearsalId]] = frozenset
    ) -> ObjectsLeft:
        """The operator's own bucket, as the clean-up sees it; ids: of whom there is a user."""
        return ObjectsLeft(bucket_client(self.own, lambda: self.own_account), bucket, ids)

    def seal_key(self, key: str) -> SealKeyInKms:
        """The key of all seals, as the engine asks for it."""
        return SealKeyInKms(lambda: client(self.own, "kms"), key)

    def leftovers(
        self,
        bucket: str | None,
        *,
        with_probes: bool,
        own: frozenset[RehearsalId] = frozenset(),
    ) -> tuple[Leftovers, ...]:
        """
        Every kind of thing that rehearsals make, in the order in which they go; users last.

        bucket: where objects are looked for; None: nowhere. with_probes: what only probes make,
        too. own: the rehearsal of this process, whose objects are its own whatever IAM shows.
        """
        iam = client(self.member, "iam")
        users = UsersLeft(iam)
        secrets = client(self.member, "secretsmanager")
        objects: tuple[Leftovers, ...] = ()
        if bucket is not None:
            objects = (self.objects_in(bucket, lambda: own | users.ids()),)
        of_probes: tuple[Leftovers, ...] = ()
        if with_probes:
            of_probes = (
                QueuesLeft(client(self.member, "sqs")),
                BusesLeft(client(self.member, "events")),
            )
        return (
            SecretsLeft(self.account, secrets, users.there, SECRETS if with_probes else ()),
            *objects,
            *of_probes,
            GroupsLeft(iam),
            users,
        )


def _account_of(session: boto3.Session) -> str:
    """Whose credentials a session has. Raises PortError where AWS does not say."""
    with aws_errors_translated():
        return str(client(session, "sts").get_caller_identity()["Account"])


def role_session(
    own: boto3.Session, account: str, role: str, external_id: str | None
) -> boto3.Session:
    """A session with the credentials of a role in an account."""
    region = str(own.region_name)
    partition = own.get_partition_for_region(region)
    arn = f"arn:{partition}:iam::{account}:role/{role}"
    return session_as(own, client(own, "sts"), arn, region, external_id=external_id)


def _session_of(key: DeliveredKey, like: boto3.Session) -> boto3.Session:
    """A session with a key, for the rest (region, endpoints, certificates) like another one."""
    profile = like.profile_name
    return boto3.Session(
        aws_access_key_id=key.key_id,
        aws_secret_access_key=key.secret,
        region_name=like.region_name,
        profile_name=profile if profile in like.available_profiles else None,
    )
