"""`keyturn adopt`: look at a secret, show what would be written, ask, and write it."""

import uuid
from collections.abc import Iterator
from dataclasses import replace

from rich.console import Console
from rich.table import Table
from rich.text import Text

from keyturn.cli.audit import entry_of, unkept
from keyturn.cli.checked import checked
from keyturn.cli.commands import for_people, heed_pause
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.json_answers import put
from keyturn.cli.local_run import now
from keyturn.cli.options import (
    AccountOptions,
    CommandOptions,
    Findings,
    SettingOptions,
)
from keyturn.cli.session import CliSession, confirm
from keyturn.domain.adoption import Adoption
from keyturn.domain.errors import InvalidValue
from keyturn.domain.events import Run
from keyturn.domain.key import Account, Unknown
from keyturn.domain.plain_text import shown
from keyturn.domain.secret_names import (
    SEAL_TAG,
    owner_of_secret,
)
from keyturn.schemas.adoption import write_adoption


def adopt(
    secret: str, where: AccountOptions, rules: SettingOptions, ordering: CommandOptions
) -> int:
    """Take a secret into the record. Raises InvalidValue where another account was named."""
    account, _ = owner_of_secret(secret)
    if where.account and set(where.account) != {account}:
        raise InvalidValue("--account", where.account[0], f"is not the secret's, {account}")
    where = replace(where, account=[account])
    asked = checked(where, rules, enforce=ordering.enforce, yes=ordering.yes)
    cli_session = CliSession(asked, hints=False)
    heed_pause(cli_session, ordering)
    run = Run(
        id=uuid.uuid4().hex,
        account=Account(id=account),
        at=now(),
        dry_run=not ordering.enforce,
    )
    work = cli_session.aws.adopt(run)
    planned = work.plan(secret)
    out = for_people(cli_session, ordering)
    _print_adoption(cli_session.err if asked.asks else out, planned)
    if not (planned.writes and ordering.enforce):
        if planned.writes:
            cli_session.say(f"Dry run: nothing was written. {asked.to_enforce}")
        _answer_adoption(planned, ordering, adopted=not planned.writes)
        return 0
    if asked.asks:
        confirm(f"adopt {shown(secret)}.")
    entry = replace(
        entry_of(cli_session.aws, "adopt", why=ordering.reason),
        account=account,
        user=planned.user.name,
        secret=secret,
        run=run.id,
    )
    with cli_session.audited(entry) as notes:
        work.carry_out(planned, even_paused=ordering.even_paused)
        notes.ends(f"adopted; removed {', '.join(planned.removes) or 'no tag'}", failed=False)
    out.print(Text(shown(f"{secret} is Keyturn's now.")), soft_wrap=True)
    _answer_adoption(planned, ordering, adopted=True)
    return FAILED if cli_session.complain(unkept(notes.unwritten)) else 0


def _answer_adoption(planned: Adoption, ordering: CommandOptions, *, adopted: bool) -> None:
    if ordering.format is Findings.JSON:
        put(write_adoption(planned, adopted=adopted))


def _print_adoption(console: Console, planned: Adoption) -> None:
    secret = planned.secret
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    tags = "\n".join(f"{name} = {value}" for name, value in sorted(secret.tags.items()))
    facts = {
        "Secret": planned.name,
        "User": f"{planned.user.name} ({planned.user.user_id})",
        "Whose": f"not Keyturn's: {planned.why}" if planned.why else "Keyturn's already",
        "Versions": str(len(secret.versions)),
        "KMS key": secret.kms_key or "aws/secretsmanager",
        "Resource policy": _policy(planned),
        "Replicas": ", ".join(secret.replicas) or "none",
        "Rotation by AWS": "on" if secret.rotates else "off",
        "To be deleted": "yes, scheduled" if secret.scheduled_for_deletion else "no",
        "Tags": tags or "none",
    }
    for name, fact in facts.items():
        lines = "\n".join(shown(line) for line in fact.splitlines())
        grid.add_row(Text(name, style="dim"), Text(lines))
    console.print(grid)
    if not planned.writes:
        return
    console.print()
    for number, step in enumerate(_adoption_steps(planned), start=1):
        console.print(Text(f"  {number}. {shown(step)}"), soft_wrap=True)
    console.print(
        Text(
            "\nIts value stays until the user's next rotation, which makes a new one the current "
            "one. Adopt it only if nothing else depends on this secret."
        )
    )


def _policy(planned: Adoption) -> str:
    """Whom the secret itself lets in: adopting changes nothing about that."""
    match planned.policy:
        case None:
            return "none"
        case Unknown(why=why):
            return f"could not be read ({why})"
        case str(text):
            return f"{text}\nWhoever that names will read the user's new keys, too."


def _adoption_steps(planned: Adoption) -> Iterator[str]:
    if planned.secret.scheduled_for_deletion:
        yield "secretsmanager:RestoreSecret: its deletion is taken back"
    if planned.removes:
        yield f"secretsmanager:UntagResource: {', '.join(planned.removes)}"
    tags = ", ".join(f"{name} = {value}" for name, value in planned.sets.items())
    yield f"secretsmanager:TagResource: {tags}, and {SEAL_TAG}"
