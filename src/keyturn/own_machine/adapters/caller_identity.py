"""Who stands behind credentials: sts:GetCallerIdentity."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound, PortError
from keyturn.own_machine.model.access_key import AccessKey, Caller
from keyturn.own_machine.model.errors import WrongSecret

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

_OF_A_KEY: Final[Mapping[str, type[PortError]]] = {
    "SignatureDoesNotMatch": WrongSecret,
    "InvalidClientTokenId": NotFound,
    "UnrecognizedClientException": NotFound,
}


class StsIdentities:
    """Meets `own_machine.ports.Identities`."""

    def __init__(
        self, own: Callable[[], "STSClient"], of_key: Callable[[AccessKey], "STSClient"]
    ) -> None:
        """own: makes a client with our own credentials; of_key: with those of a key."""
        self._own = own
        self._of_key = of_key

    def own(self) -> Caller:
        """Who asks."""
        with aws_errors_translated():
            return _caller(self._own())

    def of_key(self, key: AccessKey) -> Caller:
        """Whose key it is."""
        with aws_errors_translated(_OF_A_KEY):
            return _caller(self._of_key(key))


def _caller(sts: "STSClient") -> Caller:
    answer = sts.get_caller_identity()
    return Caller(account=answer["Account"], arn=answer["Arn"])
