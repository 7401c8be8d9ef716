"""A delivered key: read by who should, tried with its own credentials."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import Denied, NotFound
from keyturn.rehearsal.model.delivered import DeliveredKey

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_UNKNOWN_KEY = {"InvalidClientTokenId": NotFound, "UnrecognizedClientException": NotFound}
"""AWS does not know the key, not yet, or no more: an Inactive one answers so, too."""


class SecretReader:
    """Meets `rehearsal.ports.Reader`."""

    def __init__(self, secrets: "SecretsManagerClient") -> None:
        self._secrets = secrets

    def read(self, secret: str) -> DeliveredKey:
        """The key in a secret."""
        with aws_errors_translated():
            answer = self._secrets.get_secret_value(SecretId=secret)
        return DeliveredKey.read(answer["SecretString"])


class AwsKeyHolder:
    """Meets `rehearsal.ports.KeyHolder`."""

    def __init__(self, client_of: Callable[[DeliveredKey, str], Any]) -> None:
        """client_of makes a client of a service with a key's own credentials."""
        self._client_of = client_of

    def identity(self, key: DeliveredKey) -> str:
        """Who AWS says that it is."""
        with aws_errors_translated(_UNKNOWN_KEY):
            return str(self._client_of(key, "sts").get_caller_identity()["Arn"])

    def may_read(self, key: DeliveredKey, secret: str) -> bool:
        """Ask for the value; what is answered goes no further than this line."""
        try:
            with aws_errors_translated(_UNKNOWN_KEY):
                self._client_of(key, "secretsmanager").get_secret_value(SecretId=secret)
        except Denied:
            return False
        return True
