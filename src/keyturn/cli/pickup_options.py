"""The options of `pickup` and `credentials`: whose key, and with which credentials it is read."""

from dataclasses import dataclass
from enum import StrEnum

from keyturn.cli.options import ORDER, OUTPUT, flag, option

WHOSE = "Which secret"


class PrintAs(StrEnum):
    """How credentials are printed."""

    ENV = "env"
    JSON = "json"


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
        "Print the new key with its secret instead, and change no file.",
        OUTPUT,
        "env|json",
    )
