"""`keyturn notices preview` for a real key: what its owner would be sent next."""

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import typer

from keyturn.cli.checked import checked
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.identifiers import check_key
from keyturn.cli.notices import letterhead_in, refuse_foreign, write_mails
from keyturn.cli.options import (
    AccountOptions,
    LetterheadOptions,
    NotifyOptions,
    OwnersFileOptions,
    RealKeyOptions,
    SettingOptions,
)
from keyturn.cli.session import CliSession
from keyturn.domain.errors import InvalidValue
from keyturn.domain.events import Digest
from keyturn.domain.plain_text import shown
from keyturn.domain.result import AccountResult, Request
from keyturn.use_cases.next_notice import NextNotice


def preview_next(  # noqa: PLR0913, PLR0917 -- a group of options each
    folder: Path,
    which: RealKeyOptions,
    where: AccountOptions,
    rules: SettingOptions,
    owners_by: OwnersFileOptions,
    options: LetterheadOptions,
) -> int:
    """Write the next mail of each key that is meant into a folder. It only reads."""
    key_id = _key(which)
    sender = NotifyOptions(
        admin=options.admin,
        organization_name=options.organization_name,
        help_link=options.help_link,
        mail_subject_prefix=options.mail_subject_prefix,
    )
    refuse_foreign(folder)
    asked = checked(where, rules, sender, owners_by=owners_by)
    session = CliSession(asked, key_id=key_id)
    user = which.user if key_id is None else session.owner_of(key_id)
    fleet_run = replace(
        session.fleet_run(Request(users=frozenset({user or ""})), dry_run=True),
        many=True,
        owners_of=lambda _decided: True,
    )
    results = session.look(fleet_run, fleet_run.plan, "Looking at")
    found = [next_ for result in results for next_ in _next(session, result, key_id)]
    told = dict(_named(found))
    for each in found:
        typer.echo(shown(_line(each)))
    code = session.close(session.report(fleet_run, results))
    if not found:
        typer.echo(shown(f"{user}: no access key was found"))
        return code or FAILED
    if not told:
        return code
    title = f"What the owner of {key_id or user} would be sent next"
    letterhead = letterhead_in(session.aws.settings)
    return write_mails(folder, options, letterhead, title, told) or code


def refuse_unused(
    which: RealKeyOptions,
    where: AccountOptions,
    rules: SettingOptions,
    owners_by: OwnersFileOptions,
    rule: str,
) -> None:
    """Raises InvalidValue for an option that would be silently ignored."""
    for group in (which, where, rules, owners_by):
        for each in fields(group):
            value = getattr(group, each.name)
            if value != each.default:
                said = ", ".join(value) if isinstance(value, list) else value
                name = f"--{each.name.replace('_', '-')}"
                raise InvalidValue(name, "" if value is True else said, rule)


def _key(which: RealKeyOptions) -> str | None:
    """The key that is meant; None: all of the user's. Raises InvalidValue for both, or neither."""
    if which.key is None:
        if which.user == "":
            raise InvalidValue("--user", "", "must not be empty")
        return None
    if which.user is not None:
        raise InvalidValue("--key", which.key, "goes without --user")
    check_key(which.key)
    return which.key


def _next(session: CliSession, result: AccountResult, key_id: str | None) -> Iterator[NextNotice]:
    if result.plan.users:
        find = session.aws.find_next_notice(result.plan.run.account)
        yield from find.of(result.plan, key_id)


def _named(found: list[NextNotice]) -> Iterator[tuple[str, Digest]]:
    """Each message under the name of its file."""
    for each in found:
        for number, digest in enumerate(each.digests, start=1):
            yield each.key_id if number == 1 else f"{each.key_id}-{number}", digest


def _line(next_: NextNotice) -> str:
    """What would be sent, to whom, and when."""
    about = f"{next_.user} {next_.key_id}"
    if not next_.digests:
        return f"{about}: nothing is in sight: {next_.why_none}"
    [item] = next_.digests[0].items
    day = next_.digests[0].run.at.date()
    to = ", ".join(digest.address for digest in next_.digests)
    return f"{about}: {item.notice.step} of {item.notice.day} on {day} to {to}"
