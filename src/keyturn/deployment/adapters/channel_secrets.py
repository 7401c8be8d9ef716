"""The secrets of the channels beside mail, seen by whoever looks a deployment over."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretsOfChannels:
    """Meets `deployment.ports.ChannelSecrets`."""

    def __init__(
        self,
        secrets: Callable[[str], "SecretsManagerClient"],
        reads: Mapping[str, Callable[[str], object]],
    ) -> None:
        """
        Look with the client of a region.

        reads: a channel's parameter → what reads the secret of an ARN, as its function does.
        """
        self._secrets = secrets
        self._reads = reads

    def check(self, parameter: str, arn: str) -> None:
        """Read it, and keep nothing of it."""
        self._reads[parameter](arn)

    def kms_key(self, arn: str) -> str:
        """What encrypts it; empty: AWS's own key."""
        with aws_errors_translated():
            found = self._secrets(arn.split(":")[3]).describe_secret(SecretId=arn)
        return found.get("KmsKeyId", "")
