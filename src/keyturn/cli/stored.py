"""Where snapshots are read: a deployment's bucket, another one, or a copy on this machine."""

from collections.abc import Mapping

from keyturn.cli.deployed import deployed_settings
from keyturn.cli.given import as_given, given
from keyturn.cli.local_run import connect
from keyturn.cli.simulate_options import PlayOptions, StoredOptions
from keyturn.domain.errors import InvalidValue
from keyturn.ports.evidence import Evidence
from keyturn.settings import Settings
from keyturn.wiring import local_evidence


def check_stored(where: StoredOptions) -> None:
    """
    Look at the options before anything is asked of AWS.

    Raises InvalidValue where they name no place, or two.
    """
    if where.folder is None:
        if not (where.deployed or where.bucket):
            raise InvalidValue("--bucket", "", "is needed, or --deployed, or --folder")
        return
    for name in ("bucket", "prefix", "deployed", "profile", "region"):
        if getattr(where, name):
            shown = "" if getattr(where, name) is True else getattr(where, name)
            raise InvalidValue(f"--{name}", shown, "does not go with --folder")


def settings_of(
    where: StoredOptions, rules: PlayOptions, others: Mapping[str, object]
) -> Settings:
    """
    The settings to decide by; others: parameter → value, which come before the options.

    Raises InvalidValue where one breaks a rule.
    """
    own = {**given(where, rules), **others}
    if where.deployed:
        return deployed_settings(where.profile, where.region, own)
    try:
        return Settings.read(own)
    except InvalidValue as error:
        raise as_given(error, own, "the default") from None


def evidence_of(where: StoredOptions, settings: Settings) -> tuple[Evidence, int]:
    """What is stored, and how many objects are to be read at once."""
    if where.folder is not None:
        return local_evidence(where.folder, ""), 1
    aws = connect(where.as_accounts, settings, lambda _action, _facts: None)
    return aws.evidence(), settings.parallel_users
