"""`keyturn advise`: what would let each user stop having keys."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from io import StringIO
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.text import Text

from keyturn.cli.advise_options import AdviceFormat, AdviseOptions
from keyturn.cli.answer import FILE_WIDTH
from keyturn.cli.audit_options import EvidenceOptions
from keyturn.cli.beside import Level, say, shows_progress
from keyturn.cli.consoles import make_console, text_console
from keyturn.cli.evidence import connected, lines_of, opened
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.given import given
from keyturn.cli.local_run import connect, now
from keyturn.cli.result_file import result_file
from keyturn.cli.streams import write_answer
from keyturn.cli.tables import tidy
from keyturn.domain.amounts import pluralize
from keyturn.domain.days import read_day
from keyturn.domain.errors import InvalidValue, KeyturnError
from keyturn.domain.key import Account, UserFacts
from keyturn.domain.names import REGION
from keyturn.domain.origin import Ranges
from keyturn.domain.plain_text import shown
from keyturn.domain.replacement import STEPS, TITLES, instead_of, policies_of
from keyturn.domain.way_out import RANKED_BY, Advice, Kind, Sureness, UserKnown
from keyturn.schemas.address_ranges import read_ranges
from keyturn.schemas.advice import write_advice, write_advice_csv
from keyturn.schemas.exports import read_trail
from keyturn.settings import Settings
from keyturn.use_cases.advise import (
    LONGEST_HISTORY,
    Answer,
    Asked,
    CallsByKey,
    Found,
    LiveUsers,
    StoredUsers,
    answer,
)
from keyturn.use_cases.look_up_calls import KEPT, Days, look_up
from keyturn.wiring import Aws

_WORKERS: Final = 8
"""Accounts of a copy on this machine that are read at once."""
_NO_EVENTS: Final = "CloudTrail's event history"
"""How the sentence begins that says that it has only 90 days: that is known."""


def advise(where: EvidenceOptions, asked: AdviseOptions) -> int:
    """
    Show the list; code 1, if something was not seen.

    Raises InvalidValue where the options do not say of what, or what is given is of no known form.
    """
    whose = _checked(where, asked)
    ranges = tuple(_ranges(asked))
    if asked.output is None or str(asked.output) == "-":
        found = _answered(where, asked, whose, ranges)
        is_table = asked.format is AdviceFormat.TABLE
        write_answer(_text(found, asked, make_console().width), is_table=is_table)
        return _close(found, asked)
    with result_file(asked.output) as put:
        found = _answered(where, asked, whose, ranges)
        put(_text(found, asked, FILE_WIDTH))
    return _close(found, asked)


def _checked(where: EvidenceOptions, asked: AdviseOptions) -> Asked:
    """Whose keys are asked about. Raises InvalidValue before anything is read."""
    for name in ("account", "user", "owner"):
        if "" in (getattr(asked, name) or ()):
            raise InvalidValue(f"--{name}", "", "must not be empty")
    for each in asked.account or ():
        Account(id=each)
    if not 1 <= asked.days <= LONGEST_HISTORY:
        raise InvalidValue("--days", asked.days, f"must be from 1 to {LONGEST_HISTORY}")
    if asked.most < 1:
        raise InvalidValue("--most", asked.most, "must be at least 1")
    _check_places(where, asked)
    if asked.date is not None:
        _day(asked.date)
    return Asked(
        accounts=frozenset(asked.account or ()),
        users=frozenset(asked.user or ()),
        owners=frozenset(asked.owner or ()),
    )


def _check_places(where: EvidenceOptions, asked: AdviseOptions) -> None:
    """Refuse what does not go together."""
    if asked.live:
        if where.folder is not None:
            raise InvalidValue("--live", "", "goes without --folder")
        if asked.date is not None:
            raise InvalidValue("--date", asked.date, "goes without --live, which is of now")
        if not asked.account:
            raise InvalidValue("--live", "", "needs --account: the accounts that are asked")
    elif asked.cloudtrail:
        raise InvalidValue("--cloudtrail", "", "needs --live; or give log files by --trail")


def _day(text: str) -> date:
    day = read_day(text)
    if day is None:
        raise InvalidValue("--date", text, "must be a date, such as 2026-03-02")
    return day


def _ranges(asked: AdviseOptions) -> Iterator[Ranges]:
    for path in asked.ranges or ():
        try:
            found = read_ranges(path.read_bytes())
        except OSError as error:
            raise InvalidValue("--ranges", path, f"cannot be read ({error.strerror})") from None
        if found is None:
            rule = "must be a list of addresses as AWS, GitHub or Atlassian publish it"
            raise InvalidValue("--ranges", path, rule)
        yield found


# --- what is read --------------------------------------------------------------------------------


def _answered(
    where: EvidenceOptions, asked: AdviseOptions, whose: Asked, ranges: tuple[Ranges, ...]
) -> Answer:
    calls = CallsByKey(ranges=ranges)
    if asked.trail:
        calls.add(read_trail(lines_of(asked.trail, "--trail")))
    found = _live(where, asked, whose, calls) if asked.live else _stored(where, asked, whose)
    if calls.unread:
        found.unseen.append(
            f"{pluralize(calls.unread, 'piece')} of CloudTrail's logs, of no form that is known"
        )
    looked = bool(asked.trail or asked.cloudtrail)
    users = [calls.of(each, is_whole=looked) if looked else each for each in found.users]
    return answer(replace(found, users=users), whose, now())


def _stored(where: EvidenceOptions, asked: AdviseOptions, whose: Asked) -> Found:
    evidence, aws = opened(where)
    workers = aws.settings.parallel_users if aws else _WORKERS
    is_smtp = aws.settings.smtp.are if aws else _nobody
    stored = StoredUsers(evidence=evidence, workers=workers, is_smtp=is_smtp)
    return stored.of(_day(asked.date) if asked.date else None, asked.days, whose)


def _nobody(_user: str) -> bool:
    return False


def _live(where: EvidenceOptions, asked: AdviseOptions, whose: Asked, calls: CallsByKey) -> Found:
    """Ask IAM in each account; a bucket is needed for nothing but the owners file in it."""
    if where.deployed or where.bucket:
        aws = connected(where)
    else:
        settings = Settings.read(given(where))
        aws = connect(where.as_accounts, settings, lambda _action, _facts: None)
    if not aws.settings.member_role:
        for account in sorted(whose.accounts - {aws.own_account()}):
            raise InvalidValue("--account", account, "needs --role-name, or --deployed: a role")
    moment = now()
    found = Found(moment.date())
    with _progress() as tick:
        for account in sorted(whose.accounts):
            try:
                of_account = _of_account(aws, account, moment, whose)
            except KeyturnError as error:
                found.unseen.append(f"{account}: {error}")
                continue
            found.users += of_account.users
            found.unseen += of_account.unseen
            if asked.cloudtrail:
                for user in of_account.users:
                    if whose.means(user):
                        found.unseen += _look_up(aws, user, moment, calls, tick)
    return found


def _of_account(aws: Aws, account: str, moment: datetime, whose: Asked) -> Found:
    keys = aws.keys_in(account)
    live = LiveUsers(iam=keys, workers=aws.settings.parallel_users, is_smtp=aws.settings.smtp.are)
    found = live.of(account, "", moment, whose)
    facts = [
        UserFacts(account=account, name=each.user, user_id="", path=each.path, keys=())
        for each in found.users
        if each.keys
    ]
    owners = aws.owners(Account(id=account), facts)
    found.users = [
        replace(each, owner=owners[each.user].address or "") if each.user in owners else each
        for each in found.users
    ]
    return found


def _look_up(
    aws: Aws, user: UserKnown, moment: datetime, calls: CallsByKey, tick: Callable[[str], None]
) -> Iterator[str]:
    """Look the Active keys of a user up, in the regions of their last use, and of IAM."""
    home = aws.trail_regions(user.account)
    days = Days(since=(moment - KEPT).date(), until=moment.date(), now=moment)
    for key in (each for each in user.keys if each.is_active):
        use = key.last_use
        near = [use.region] if use and use.region and REGION.fullmatch(use.region) else []
        looked = look_up(
            aws.event_history(user.account),
            [(region, "AccessKeyId", key.key_id) for region in dict.fromkeys([*near, *home])],
            days,
            lambda: tick(user.user),
        )
        calls.add(looked.events, key.key_id)
        yield from (
            f"{key.key_id}: {each}" for each in looked.unseen if not each.startswith(_NO_EVENTS)
        )


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    console = make_console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("CloudTrail, {task.description}: page {task.completed:.0f}"),
        console=console,
        transient=True,
        disable=not shows_progress(),
    ) as progress:
        task = progress.add_task("", total=None)

        def tick(user: str) -> None:
            progress.update(task, advance=1, description=shown(user))

        yield tick


# --- for people ----------------------------------------------------------------------------------


def _close(found: Answer, asked: AdviseOptions) -> int:
    if asked.format is not AdviceFormat.TABLE:
        for each in found.unseen:
            say(f"NOT SEEN: {each}", Level.WARNING)
    if asked.output is not None and str(asked.output) != "-":
        wrote = f"wrote {asked.output}: {pluralize(len(found.advices), 'user')}"
        say(wrote)
    return FAILED if found.unseen else 0


def _text(found: Answer, asked: AdviseOptions, width: int) -> str:
    match asked.format:
        case AdviceFormat.JSON:
            document = write_advice(
                found.advices,
                at=found.at,
                day=found.day,
                without_keys=found.without_keys,
                unseen=found.unseen,
            )
            return json.dumps(document, indent=2) + "\n"
        case AdviceFormat.CSV:
            return write_advice_csv(found.advices)
    text = StringIO()
    console = text_console(text, width)
    with tidy(console):
        _print(console, found, asked)
    return text.getvalue()


def _print(console: Console, found: Answer, asked: AdviseOptions) -> None:
    """What was not seen comes first; then how many of each kind, and the list."""
    for each in found.unseen:
        console.print(Text(shown(f"NOT SEEN: {each}"), style="yellow"))
    keys = sum(each.keys for each in found.advices)
    users = f"{pluralize(len(found.advices), 'user')} with {pluralize(keys, 'key')}"
    without = f", {pluralize(found.without_keys, 'user')} without"
    console.print(Text(f"{users}{without}, as of {found.day.isoformat()} (UTC)", style="bold"))
    for kind, number in _counted(found.advices).items():
        console.print(Text(f"  {number:>6,}  {TITLES[kind]}"))
    if not found.advices:
        return
    console.print()
    console.print(Text(RANKED_BY, style="dim"))
    listed = found.advices[: asked.most]
    for number, advice in enumerate(listed, start=1):
        console.print()
        _print_user(console, number, advice, asked)
    if len(found.advices) > len(listed):
        console.print()
        more = len(found.advices) - len(listed)
        console.print(Text(f"and {more:,} more: --most {len(found.advices)}, or --format csv"))
    if asked.steps:
        for kind in _counted(listed):
            console.print()
            console.print(Text(f"{TITLES[kind]}:", style="bold"))
            for number, step in enumerate(STEPS[kind], start=1):
                console.print(Padding(Text(f"{number}. {step}"), (0, 0, 0, 2)))


def _print_user(console: Console, number: int, advice: Advice, asked: AdviseOptions) -> None:
    user = advice.user
    where = f"{user.account_name} ({user.account})" if user.account_name else user.account
    exempt = ", exempt" if user.exempt else ""
    owner = f", owner {user.owner}" if user.owner else ""
    head = (
        f"{number}. {user.user} in {where}: {pluralize(advice.keys, 'key')}, the oldest "
        f"{pluralize(advice.oldest, 'day')}{exempt}{owner}"
    )
    console.print(Text(shown(head), style="bold"))
    sure = "" if advice.sureness is Sureness.UNKNOWN else f" ({advice.sureness})"
    lines = [f"{TITLES[advice.kind]}{sure}. Instead: {instead_of(advice)}"]
    lines += [f"- {each.says} [{each.source}]" for each in advice.evidence]
    for line in lines:
        console.print(Padding(Text(shown(line)), (0, 0, 0, 3)))
    if asked.steps:
        for name, policy in policies_of(advice).items():
            console.print(Padding(Text(f"Trust policy, {name}:"), (0, 0, 0, 3)))
            # As it is, for whoever copies it: no line of it may be broken.
            console.print(Text(json.dumps(policy, indent=2)), soft_wrap=True)


def _counted(advices: Sequence[Advice]) -> dict[Kind, int]:
    counted = Counter(each.kind for each in advices)
    return {kind: counted[kind] for kind in Kind if counted[kind]}
