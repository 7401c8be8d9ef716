"""Secrets Manager, as an owner asks it: one value at a time."""

from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import Denied, NotFound, PortError, Refused

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_NO_SUCH_KEY = ("UnrecognizedClientException", "InvalidClientTokenId")
_CURE = "ask the administrators, or read it with another profile (--source-profile)"


class SecretsManagerValues:
    """Meets `own_machine.ports.SecretValues`."""

    def __init__(self, secrets: "SecretsManagerClient") -> None:
        self._secrets = secrets

    def read(self, secret: str) -> str:
        """Read the current value. Raises Refused where it is no text."""
        region = self._secrets.meta.region_name
        try:
            with aws_errors_translated():
                answer = self._secrets.get_secret_value(SecretId=secret)
        except PortError as error:
            raise type(error)(_in_words(secret, region, error)) from error
        if "SecretString" not in answer:
            raise Refused(f"the secret {secret} holds no text, and so no access key")
        return answer["SecretString"]


def _in_words(secret: str, region: str, error: PortError) -> str:
    """What AWS said of a secret, as one reads it."""
    said = str(error)
    match error:
        case NotFound() if "AWSCURRENT" in said:
            words = "has no value yet: no key was delivered"
        case NotFound():
            words = f"is not in {region}: is that the region and the account of the secrets?"
        case Denied() if any(code in said for code in _NO_SUCH_KEY):
            words = f"may not be read by a key that does not work any more: {_CURE}"
        case Denied() if "KMS" in said:
            words = f"may not be decrypted with its KMS key ({said}): {_CURE}"
        case Denied():
            words = f"may not be read ({said}): {_CURE}"
        case Refused() if "deletion" in said:
            words = "is scheduled for deletion: ask the administrators"
        case _:
            words = f"could not be read: {said}"
    return f"the secret {secret} {words}"
