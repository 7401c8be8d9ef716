"""Where an auditor reads: a deployment's bucket, another one, or a copy on this machine."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from keyturn.cli.audit_options import EvidenceOptions
from keyturn.cli.deployed import deployed_settings
from keyturn.cli.given import given
from keyturn.cli.local_run import connect
from keyturn.domain.errors import InvalidValue
from keyturn.ports.evidence import Evidence
from keyturn.settings import Settings
from keyturn.wiring import Aws, exported_lines, local_evidence


def opened(asked: EvidenceOptions) -> tuple[Evidence, Aws | None]:
    """
    What is stored, and the way to AWS; None: it is a copy, and AWS is asked nothing.

    Raises InvalidValue where the options do not say which, or say two.
    """
    if asked.folder is not None:
        for name, value in (
            ("--deployed", asked.deployed),
            ("--bucket", asked.bucket),
            ("--profile", asked.profile),
            ("--region", asked.region),
            ("--role-name", asked.role_name),
        ):
            if value:
                raise InvalidValue(name, "", "goes without --folder")
        return local_evidence(asked.folder, asked.prefix or ""), None
    aws = connected(asked)
    return aws.evidence(), aws


def connected(asked: EvidenceOptions) -> Aws:
    """The way to the bucket. Raises InvalidValue where the options do not say which."""
    own = given(asked)
    settings = Settings.read(own)
    if asked.deployed:
        settings = deployed_settings(asked.profile, asked.region, own)
    elif not settings.bucket:
        raise InvalidValue("--bucket", "", "is needed, or --deployed, or --folder")
    where = asked.as_accounts
    if asked.deployed:
        where = replace(where, role_name=where.role_name or settings.member_role or None)
    return connect(where, settings, lambda _action, _facts: None)


def lines_of(paths: Sequence[Path] | None, option: str) -> Iterator[tuple[str, str]]:
    """The lines of exported files: where each is, and its text."""
    for path in paths or ():
        yield from exported_lines(path, option)
