"""`keyturn audit`: who did what to a key, on whose order, and who was notified."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain
from threading import Lock
from typing import Final, assert_never

from rich.progress import Progress, SpinnerColumn, TextColumn

from keyturn.cli.audit_options import AuditFormat, EvidenceOptions, QuestionOptions
from keyturn.cli.beside import shows_progress
from keyturn.cli.consoles import make_console
from keyturn.cli.evidence import lines_of, opened
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.identifiers import check_key
from keyturn.cli.json_answers import put
from keyturn.cli.line_breaks import say
from keyturn.cli.local_run import now
from keyturn.cli.streams import write_answer
from keyturn.domain.audit_answer import Answer, Kind, Notified, Piece, Question
from keyturn.domain.days import read_day
from keyturn.domain.errors import InvalidValue, KeyturnError
from keyturn.domain.key import Account
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports.evidence import Evidence
from keyturn.schemas.audit_answer import write_audit_answer, write_audit_csv
from keyturn.schemas.exports import read_logs, read_trail
from keyturn.use_cases.ask_evidence import AskEvidence, Brought
from keyturn.use_cases.look_up_calls import Days, KeyCalls, calls_about_keys
from keyturn.wiring import Aws

OF_AN_ACCOUNT: Final = timedelta(days=400)
"""As long as receipts are kept, which is looked back where the account is known."""
OF_ALL: Final = timedelta(days=31)
"""Where it is not: then every account's snapshots are read."""
SECTIONS: Final = {
    "Who rotated it": (Kind.ROTATED, Kind.MADE),
    "Who ordered something": (Kind.ORDERED,),
    "Who was notified": (Kind.NOTIFIED,),
    "Disabled, revoked, deleted": (Kind.DISABLED, Kind.REVOKED, Kind.DELETED, Kind.REPAIRED),
    "Who enabled it again": (Kind.ENABLED,),
    "Who read the new key": (Kind.READ,),
    "What failed": (Kind.FAILED,),
}
"""The auditor's questions, and what answers them."""


def ask(where: EvidenceOptions, asked: QuestionOptions) -> int:
    """Answer; code 1, if nothing is known, or some evidence cannot be read."""
    _check(where, asked)
    evidence, aws = opened(where)
    question, account_unknown = _question(asked, aws)
    answer = _answered(evidence, aws, question, asked)
    if account_unknown:
        answer = replace(answer, unseen=(account_unknown, *answer.unseen))
    match asked.format:
        case AuditFormat.JSON:
            put(write_audit_answer(answer))
        case AuditFormat.CSV:
            write_answer(write_audit_csv(answer), is_table=False)
            say(_beside(answer), err=True)
        case AuditFormat.TABLE:
            say(_table(answer))
            say(_beside(answer))
        case AuditFormat.TIMELINE:
            say(f"{_when(each)}  {each.kind:<13}  {_line(each)}" for each in answer.pieces)
            say(_beside(answer))
        case _:
            assert_never(asked.format)
    return FAILED if answer.unreadable or not answer.pieces else 0


def _check(where: EvidenceOptions, asked: QuestionOptions) -> None:
    """Refuse what is no question, before anything is read."""
    if asked.key:
        check_key(asked.key)
    if asked.account:
        Account(id=asked.account)
    if asked.owner and not Recipient(ChannelName.EMAIL, asked.owner).can_be_reached:
        raise InvalidValue("--owner", asked.owner, "must be one e-mail address")
    if not any((asked.key, asked.user, asked.account, asked.owner)):
        raise InvalidValue("keyturn audit", "", "needs --key, --user, --account or --owner")
    if asked.cloudtrail and where.folder is not None:
        raise InvalidValue("--cloudtrail", "", "goes without --folder: give --trail")


def _question(asked: QuestionOptions, aws: Aws | None) -> tuple[Question, str | None]:
    """What is asked, and why the key's account is not known, if it is not."""
    account, why = asked.account, None
    if account is None and asked.key and aws is not None:
        try:
            account = aws.account_of(asked.key)
        except KeyturnError as error:
            why = f"AWS does not say of which account {asked.key} is ({error})"
    until = _day("--until", asked.until) or now().date()
    since = _day("--since", asked.since) or until - (OF_AN_ACCOUNT if account else OF_ALL)
    if since > until:
        raise InvalidValue("--since", since, f"must not be after --until {until}")
    question = Question(
        key=asked.key,
        user=asked.user,
        account=account,
        owner=asked.owner,
        since=since,
        until=until,
    )
    return question, why


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    day = read_day(text)
    if day is None:
        raise InvalidValue(option, text, "must be a date, such as 2026-03-02")
    return day


def _answered(
    evidence: Evidence, aws: Aws | None, question: Question, asked: QuestionOptions
) -> Answer:
    console = make_console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("Reading {task.description}: {task.completed:.0f}"),
        console=console,
        transient=True,
        disable=not shows_progress(),
    ) as progress:
        tasks = {}
        one_at_a_time = Lock()  # objects are read side by side

        def tick(source: str) -> None:
            with one_at_a_time:
                if source not in tasks:
                    tasks[source] = progress.add_task(source, total=None)
            progress.advance(tasks[source])

        def brought(users: set[tuple[str, str]]) -> Brought:
            logs = read_logs(lines_of(asked.logs, "--logs")) if asked.logs else None
            trail = read_trail(lines_of(asked.trail, "--trail")) if asked.trail else None
            if not asked.cloudtrail or aws is None:
                return Brought(logs=logs, trail=trail)
            accounts = sorted({account for account, _ in users} | {question.account or ""} - {""})
            looked = [_looked_up(aws, each, question, tick) for each in accounts]
            return Brought(
                logs=logs,
                trail=chain(trail or (), *(each.events for each in looked)),
                trail_unseen=tuple(why for each in looked for why in each.unseen),
            )

        return AskEvidence(evidence=evidence, question=question, progress=tick).answer(brought)


def _looked_up(
    aws: Aws, account: str, question: Question, tick: Callable[[str], None]
) -> KeyCalls:
    """What CloudTrail has of an account's keys and secrets."""
    return calls_about_keys(
        aws.event_history(account),
        aws.trail_regions(account),
        Days(since=question.since, until=question.until, now=now()),
        lambda: tick("CloudTrail's pages"),
    )


# --- for people ------------------------------------------------------------------------------


def _table(answer: Answer) -> Iterator[str]:
    """A section for each of the auditor's questions."""
    for title, kinds in SECTIONS.items():
        found = [each for each in answer.pieces if each.kind in kinds]
        yield title
        yield from (f"  {_when(each)}  {_line(each)}" for each in found)
        if not found:
            yield "  nothing is known of it"
        yield ""


def _when(piece: Piece) -> str:
    if piece.at is None:
        return "at no known time  "
    return f"{piece.at:%Y-%m-%d %H:%MZ}{' ' if piece.is_exact else '~'}"


def _line(piece: Piece) -> str:
    whose = " of ".join(filter(None, (piece.key, piece.user)))
    where = f"{whose} in {piece.account}" if piece.account else whose
    return f"{where}: {_told(piece)} [{', '.join(piece.sources)}]"


def _told(piece: Piece) -> str:
    if piece.notified is not None:
        return _notice(piece.notified)
    if piece.kind is Kind.ORDERED:
        return piece.what
    parts = [piece.kind if piece.kind is not Kind.READ else "", piece.what]
    if piece.new_key:
        parts.append(f"new key {piece.new_key}")
    if piece.caller:
        parts.append(f"called by {piece.caller}")
    if piece.order is not None:
        order = piece.order
        why = f' because "{order.why}"' if order.why else ""
        claim = " (by what the event says of itself)" if order.claimed else ""
        parts.append(f"ordered by {order.by}{claim}, {order.command}{why}")
    elif piece.run:
        parts.append("no order is stored for its run")
    if piece.run:
        parts.append(f"run {piece.run}")
    return ", ".join(filter(None, parts))


def _notice(told: Notified) -> str:
    dates = ", ".join(f"{act} on {day}" for act, day in told.promises.items())
    fate = told.fate if told.fate_at is None else f"{told.fate} {told.fate_at:%Y-%m-%d %H:%MZ}"
    why = f" ({told.why})" if told.why else ""
    copy = "" if told.proves else " (the admin's copy)"
    announced = f", {dates}" if dates else ""
    return (
        f"{told.address} by {told.channel}{copy}, {told.step}{announced}; {fate}{why}, message "
        f"{told.message_id}"
    )


def _beside(answer: Answer) -> Iterator[str]:
    """What was read, and what could not be seen."""
    asked = answer.question
    if not answer.pieces:
        named = {"key": asked.key, "user": asked.user, "owner": asked.owner}
        whom = ", ".join(f"{name} {value}" for name, value in named.items() if value)
        where = f" in {asked.account}" if asked.account else ""
        yield f"Nothing is known of {whom or 'any key'}{where}, {asked.since} to {asked.until}."
    read = ", ".join(f"{number:,} {source}" for source, number in answer.places.items())
    yield f"Read, of {asked.since} to {asked.until} (UTC): {read or 'nothing'}."
    yield from (f"NOT SEEN: {each}." for each in answer.unseen)
    yield from (f"NOT TO BE TRUSTED: {each}." for each in answer.unreadable)
    if any(not each.is_exact for each in answer.pieces):
        yield "~ is when the run began."
