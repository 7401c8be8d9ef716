"""Secrets Manager, as the channels ask it: the address or token of one, by its ARN."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import Refused
from keyturn.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEPT: Final = timedelta(minutes=5)
"""How long a value serves before it is read anew: a new one is in use that soon."""


class ChannelSecret:
    """
    One secret: a JSON object of texts, or a text alone where one field is asked for.

    Its value stands in this object alone, which shows none of it.
    """

    def __init__(  # noqa: PLR0913 -- each is one thing to know of it
        self,
        secrets: "SecretsManagerClient",
        arn: str,
        *,
        parameter: str,
        fields: tuple[str, ...],
        clock: Clock,
        may_have: tuple[str, ...] = (),
    ) -> None:
        """parameter: by which name an operator knows it. fields: what has to stand in it."""
        self._known = (*fields, *may_have)
        self._secrets = secrets
        self._arn = arn
        self._parameter = parameter
        self._fields = fields
        self._clock = clock
        self._lock = Lock()
        self._value: Mapping[str, str] = {}
        self._until: datetime | None = None

    def read(self) -> Mapping[str, str]:
        """
        Field → text, of each field that was asked for, and of those that it may have.

        Raises Refused, which names no value, where one is missing; a PortError where the secret
        cannot be read.
        """
        with self._lock:
            now = self._clock()
            if self._until is None or now >= self._until:
                self._value = self._read()
                self._until = now + KEPT
            return self._value

    def forget(self) -> None:
        """Read it anew next time: what it says was refused."""
        with self._lock:
            self._until = None

    def _read(self) -> Mapping[str, str]:
        with aws_errors_translated():
            text = self._secrets.get_secret_value(SecretId=self._arn).get("SecretString", "")
        found: object = text.strip()
        if not str(found).startswith("{") and len(self._fields) == 1:
            found = {self._fields[0]: found}
        else:
            try:
                found = json.loads(str(found))
            except ValueError:
                found = None
        value = {
            name: each.strip()
            for name, each in (found.items() if isinstance(found, dict) else ())
            if name in self._known and isinstance(each, str) and each.strip()
        }
        for name in self._fields:
            if not value.get(name):
                raise Refused(f"{self._parameter}: the secret has no text {name!r}")
        return value
