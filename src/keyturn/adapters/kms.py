"""KMS: the key of all seals, in the security account; which names are one key, in a member's."""

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import Denied, NotFound, PortError, Refused
from keyturn.domain.seal import SEAL_MESSAGE, SealKey

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

AWS_OWN = "alias/aws/secretsmanager"
"""The KMS key that a secret is encrypted with when it names none."""


class SealKeyInKms:
    """
    Gives the key of all seals, which is what the HMAC key answers to one fixed message.

    So it is asked once, and not once a secret: GenerateMac always gives the same answer.
    https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html
    """

    def __init__(self, kms: Callable[[], "KMSClient"], key: str) -> None:
        """`key` is the id, ARN or alias of a KMS key of spec HMAC_256."""
        self._kms = kms
        self._key = key
        self._lock = Lock()
        self._known: SealKey | None = None

    def __call__(self) -> SealKey:
        """
        The key, asked for at the first secret that bears a seal, and kept in memory.

        Raises PortError where KMS does not give it: without it no secret is known to be ours.
        """
        with self._lock:
            if self._known is None:
                try:
                    with aws_errors_translated():
                        answer = self._kms().generate_mac(
                            KeyId=self._key, MacAlgorithm="HMAC_SHA_256", Message=SEAL_MESSAGE
                        )
                except PortError as error:
                    raise type(error)(f"SealKey={self._key} cannot be asked: {error}") from error
                self._known = SealKey(answer["Mac"])
            return self._known


class KeyNames:
    """Tells whether two names (id, ARN, alias, alias's ARN) are those of one KMS key."""

    def __init__(self, kms: Callable[[], "KMSClient"]) -> None:
        self._kms = kms
        self._arns: dict[str, str | None] = {}
        self._lock = Lock()

    def are_one(self, name: str | None, other: str | None) -> bool:
        """Ask KMS; a name that it does not know, or does not let us look at, is no other's."""
        arn = self._arn(name or AWS_OWN)
        return arn is not None and arn == self._arn(other or AWS_OWN)

    def _arn(self, name: str) -> str | None:
        with self._lock:  # workers ask side by side, and mostly for the same two names
            if name not in self._arns:
                try:
                    with aws_errors_translated():
                        described = self._kms().describe_key(KeyId=name)
                    self._arns[name] = described["KeyMetadata"]["Arn"]
                except (Denied, NotFound, Refused):
                    self._arns[name] = None
            return self._arns[name]
