"""The list of an account's secrets, read once a run, and only if somebody asks."""

from collections.abc import Iterator, Mapping
from threading import Lock

from keyturn.domain.errors import InvalidValue, PortError
from keyturn.domain.secret_names import owner_of_secret
from keyturn.ports import ListedSecret, SecretList

FEW = 5
"""So many users' secrets are asked about one by one; of more, those of the account are listed."""


class ListedSecrets:
    """
    Meets `ports.SecretList`: one list serves all who ask for the account's secrets in a run.

    It is whole, or it is none: where a page fails, whoever asks is told so, and nobody takes the
    pages before it for all. AWS's list may lack the last five minutes (decision 0074).
    """

    def __init__(self, secrets: SecretList, account: str) -> None:
        """Wrap a list of one account, whose id has 12 digits; for one run, whoever asks in it."""
        self._secrets = secrets
        self._prefix = f"Account_{account}_User_"
        self._listed: Mapping[str, ListedSecret] | PortError | None = None
        self._lock = Lock()

    @property
    def failure(self) -> PortError | None:
        """Why there is no list for who asked; None: there is one, or nobody asked."""
        with self._lock:
            return self._listed if isinstance(self._listed, PortError) else None

    def of(self, name: str) -> ListedSecret | None:
        """The secret of that name; None: it is not in the list. Raises PortError for no list."""
        return self._all().get(name)

    def named(self, prefix: str) -> Iterator[ListedSecret]:
        """The secrets whose names begin so; those of all users are asked for once."""
        if prefix == self._prefix:
            yield from self._all().values()
        else:
            yield from self._secrets.named(prefix)

    def _all(self) -> Mapping[str, ListedSecret]:
        with self._lock:  # workers ask side by side
            if self._listed is None:
                try:
                    self._listed = {
                        each.name: each
                        for each in self._secrets.named(self._prefix)
                        if _is_of_a_user(each.name)
                    }
                except PortError as error:
                    # Not asked for again by each user: a role that lacks it lacks it all day.
                    self._listed = error
            if isinstance(self._listed, PortError):
                raise self._listed
            return self._listed


def _is_of_a_user(name: str) -> bool:
    """Whether a user could have it; what else people name so is not kept in memory."""
    try:
        owner_of_secret(name)
    except InvalidValue:
        return False
    return True
