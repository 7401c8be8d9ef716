"""The options of `pickup` and `credentials`: whose key, and with which credentials it is read."""

from dataclasses import dataclass
from enum import StrEnum

from keyturn.cli.options import ORDER, OUTPUT, flag, option
from keyturn.domain.errors import InvalidValue
from keyturn.own_machine.model.access_key import Asked, SecretAddress

WHOSE = "Which secret"


class PrintAs(StrEnum):
    """How credentials are printed."""

    ENV = "env"
    FISH = "fish"
    POWERSHELL = "powershell"
    JSON = "json"
    SMTP = "smtp"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretOptions:
    """Which secret is read, and with which credentials."""

    user: str | None = option("--user", "The IAM user's name.", WHOSE, "NAME")
    account: str | None = option(
        "--account", "The user's account, if it is not your own.", WHOSE, "ID"
    )
    secret: str | None = option("--secret", "The secret's name or ARN.", WHOSE, "SECRET")
    region: str | None = option(
        "--region",
        "The region of the secret; else the ARN's, AWS_REGION's, AWS_DEFAULT_REGION's or the "
        "profile's.",
        WHOSE,
        "REGION",
    )
    source_profile: str | None = option(
        "--source-profile", "The AWS profile that may read the secret.", WHOSE, "NAME"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PickupOptions:
    """What is done with the key."""

    profile: str | None = option(
        "--profile",
        "The AWS profile that holds the old key; else AWS_PROFILE's, else default.",
        ORDER,
        "NAME",
    )
    dry_run: bool = flag("--dry-run", "Show what would be done. Nothing is written.", ORDER)
    print: PrintAs | None = option(
        "--print",
        "Print the new key with its secret instead, or its SMTP passwords; change no file.",
        OUTPUT,
        "env|fish|powershell|json|smtp",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsOptions:
    """How long a key is answered, and who reads the next one."""

    own_key: bool = flag(
        "--own-key",
        "Read each new key with the one before, where the user may read its own secret; "
        "--source-profile reads the first.",
        WHOSE,
    )
    refresh: int = option(
        "--refresh",
        "After how many minutes the secret is read again (60; 30 to 720).",
        OUTPUT,
        "MINUTES",
        default=60,
    )
    stale: int = option(
        "--stale",
        "For how many hours a key is answered while the secret cannot be read (24; at most 72).",
        OUTPUT,
        "HOURS",
        default=24,
    )


def named_secret(which: SecretOptions) -> Asked:
    """
    The secret that the options name, if they do.

    Raises InvalidValue where they contradict each other, or one is empty.
    """
    for name in ("user", "account", "secret", "region", "source_profile"):
        if getattr(which, name) == "":
            # An unset variable in a script, most likely.
            raise InvalidValue("--" + name.replace("_", "-"), "", "must not be empty")
    if which.secret is not None:
        if which.user is not None or which.account is not None:
            raise InvalidValue("--secret", which.secret, "names user and account: leave them out")
        return Asked(secret=SecretAddress.read(which.secret))
    if which.account is not None and which.user is None:
        raise InvalidValue("--account", which.account, "needs --user")
    if which.user is not None:  # checked before anything is asked
        address = SecretAddress.of_user(which.account or "0" * 12, which.user)
        return Asked(user=address.user, account=which.account)
    return Asked()
