"""Check the owners file before it is used, or as it is used."""

from pathlib import Path

import typer

from keyturn.cli.deployed import deployed_settings
from keyturn.cli.exit_codes import BAD_USAGE
from keyturn.cli.given import given
from keyturn.cli.json_answers import put
from keyturn.cli.local_run import connect
from keyturn.cli.options import Findings, OwnersCheckOptions
from keyturn.domain.amounts import pluralize
from keyturn.domain.errors import InvalidValue
from keyturn.domain.owners_file import OwnersFile, diverting_rules, hidden_rules
from keyturn.domain.plain_text import visible
from keyturn.schemas.owners_check import write_owners_check
from keyturn.settings import Settings
from keyturn.wiring import local_owners_file


def check(path: Path | None, asked: OwnersCheckOptions) -> int:
    """Name what is wrong in an owners file; code 2, if a rule of it does not serve as written."""
    file = _read(path, asked)
    warnings = (*hidden_rules(file.rules), *diverting_rules(file.rules))
    problems = sorted((*file.problems, *warnings), key=lambda problem: problem.line)
    broken = [each for each in problems if not each.is_warning]
    if asked.format is Findings.JSON:
        put(write_owners_check(file, problems))
    else:
        for each in problems:
            typer.echo(visible(f"{file.place}: {each}"))
        counts = (
            f"{pluralize(len(file.rules), 'rule')} can be used",
            pluralize(len(broken), "problem"),
            pluralize(len(problems) - len(broken), "warning"),
        )
        typer.echo(visible(f"{file.place}: {', '.join(counts)}"))
    return BAD_USAGE if broken else 0


def _read(path: Path | None, asked: OwnersCheckOptions) -> OwnersFile:
    own = given(asked)
    settings = Settings.read(own)
    if path is not None:
        return local_owners_file(path, "FILE", settings).read()
    if not (settings.bucket or asked.deployed):
        raise InvalidValue("FILE", "", "is needed: an owners file, or --bucket or --deployed")
    if asked.deployed:
        settings = deployed_settings(asked.profile, asked.region, own)
    where = asked.as_accounts
    file = connect(where, settings, lambda _action, _facts: None).owners_file_to_check().read()
    if file is None:
        name = "/".join(filter(None, (settings.prefix, "owners.yaml")))
        place = f"s3://{settings.bucket}/{name}"
        raise InvalidValue("FILE", place, "is not there, and no owners.csv either")
    return file
