"""Give one key more time: nothing is done about it before a day."""

from dataclasses import dataclass, replace
from datetime import timedelta

from rich.text import Text

from keyturn.cli.audit import entry_of, unkept
from keyturn.cli.checked import checked
from keyturn.cli.consoles import make_console
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.identifiers import check_key
from keyturn.cli.json_answers import put
from keyturn.cli.local_run import now
from keyturn.cli.options import AccountOptions, CommandOptions, Findings, SettingOptions
from keyturn.cli.session import CliSession, confirm
from keyturn.domain.deferral import Deferral
from keyturn.domain.errors import AlreadyThere, InvalidValue, NotFound, OrderNotDone
from keyturn.domain.key import Unknown
from keyturn.domain.plain_text import shown
from keyturn.ports import StoredDeferral
from keyturn.schemas.deferral import deferral_form
from keyturn.schemas.exemptions_file import EntryField, broken_by

TOLD = (
    "Its owner is notified by the next enforced run. A run that began before does not know of it."
)
_MOST_DIGITS = 5
"""Of a number of days; MaxDeferral has no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreTime:
    """How long, and where that was approved of."""

    days: str | None
    ticket: str | None


def defer(
    key: str,
    asked: MoreTime,
    where: AccountOptions,
    rules: SettingOptions,
    ordering: CommandOptions,
) -> int:
    """
    Give a key more time. Gives the exit code.

    Raises InvalidValue for options that break a rule, OrderNotDone where the key has it already.
    """
    check_key(key)
    days = _days(asked)
    needs = {
        **({} if rules.bucket or where.deployed else {"--bucket": ": there all runs look"}),
        **{f"--{name}": "" for name in ("days", "ticket") if getattr(asked, name) is None},
    }
    options = checked(
        where,
        rules,
        enforce=ordering.enforce,
        yes=ordering.yes,
        needs=needs,
        writes_secrets=False,
    )
    longest = options.settings.policy.max_deferral
    if days > longest:
        raise InvalidValue("--days", asked.days, f"must be at most {longest} (MaxDeferral)")
    cli_session = CliSession(options, key_id=key, hints=False)
    user = cli_session.owner_of(key)
    [account] = cli_session.inventory.accounts
    deferrals = cli_session.aws.deferrals()
    stored = _stored(cli_session, account.id, key)
    wanted = Deferral(
        account=account.id,
        key_id=key,
        until=now().date() + timedelta(days=days),
        first=stored.found.first if stored and isinstance(stored.found, Deferral) else now(),
        at=now(),
        by="",
        ticket=asked.ticket or "",
        why=ordering.reason,
    )
    _refuse_shorter(wanted, stored, longest)
    said = f"{key} of {user} ({account.id}) has more time until {wanted.until} ({wanted.ticket})."
    if not ordering.enforce:
        cli_session.say(said.replace(" has ", " would have "))
        cli_session.say("Dry run: nothing was written. --enforce does it.")
        return 0
    if options.asks:
        confirm(said.replace(" has ", " gets ").removesuffix(".") + ".")
    entry = replace(
        entry_of(cli_session.aws, "defer", why=ordering.reason or asked.ticket),
        account=account.id,
        user=user,
        key=key,
    )
    wanted = replace(wanted, by=entry.by)
    with cli_session.audited(entry) as notes:
        try:
            deferrals.put(wanted, instead_of=stored.version if stored else None)
        except AlreadyThere as error:
            message = f"somebody gave {key} time meanwhile: nothing was written; order it again"
            raise OrderNotDone(message) from error
        notes.ends(said, failed=False)
    if ordering.format is Findings.JSON:
        put(deferral_form(wanted))
    else:
        make_console().print(Text(shown(said)), soft_wrap=True)
    cli_session.say(TOLD)
    return FAILED if cli_session.complain(unkept(notes.unwritten)) else 0


def _days(asked: MoreTime) -> int:
    """How many days are asked for; 0: it was not said."""
    text = asked.days
    if asked.ticket is not None and (rule := broken_by(EntryField.TICKET, asked.ticket)):
        raise InvalidValue("--ticket", shown(asked.ticket), rule)
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise InvalidValue("--days", text, "must be a whole number of days")
    if int(text) < 1:
        raise InvalidValue("--days", text, "must be at least 1")
    return int(text)


def _stored(cli_session: CliSession, account: str, key: str) -> StoredDeferral | None:
    try:
        return cli_session.aws.deferrals().of_key(account, key)
    except NotFound:
        return None


def _refuse_shorter(wanted: Deferral, stored: StoredDeferral | None, longest: int) -> None:
    """Time is given, and never taken; in all it is bounded."""
    found = stored.found if stored else None
    if isinstance(found, Unknown):
        message = f"nothing was done: what is stored for {wanted.key_id} cannot be read"
        raise OrderNotDone(f"{message} ({found.why}): look at it by hand")
    before = found.ends(longest) if found else None
    if before is not None and wanted.until <= before:
        message = f"{wanted.key_id} has time until {before}, which is no sooner"
        raise OrderNotDone(f"nothing was done: {message}")
    if wanted.until > wanted.latest(longest):
        message = (
            f"{wanted.key_id} was given time on {wanted.first.date()} for the first time, and can "
            f"have it until {wanted.latest(longest)} at the latest (MaxDeferral={longest})"
        )
        raise OrderNotDone(f"nothing was done: {message}")
