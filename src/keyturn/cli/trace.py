"""`keyturn trace`: where a key is used."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from keyturn.cli.audit_options import TraceOptions
from keyturn.cli.beside import shows_progress
from keyturn.cli.checked import checked
from keyturn.cli.consoles import make_console
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.identifiers import check_key
from keyturn.cli.json_answers import put
from keyturn.cli.local_run import now
from keyturn.cli.options import AccountOptions, Findings, SettingOptions
from keyturn.cli.session import CliSession
from keyturn.domain import names
from keyturn.domain.amounts import pluralize
from keyturn.domain.errors import InvalidValue, PortError
from keyturn.domain.key import KeyFacts, LastUse
from keyturn.domain.key_trace import Call, Trace, uses_of
from keyturn.domain.key_usage import caller
from keyturn.domain.plain_text import visible
from keyturn.schemas.exports import TrailEvent
from keyturn.schemas.key_trace import write_trace
from keyturn.use_cases.look_up_calls import KEPT, Days, look_up
from keyturn.wiring import Aws

NOT_IN_IT = "CloudTrail's event history has no reads of data, such as S3's: they are not shown"


def trace(key: str, where: AccountOptions, asked: TraceOptions) -> int:
    """
    Show where a key is used; code 1, if something could not be read.

    Raises InvalidValue for what is no key or no region, before anything is asked.
    """
    check_key(key)
    for region in asked.in_region or ():
        if not names.REGION.fullmatch(region):
            raise InvalidValue("--in-region", region, "must be a region, such as eu-west-1")
    if asked.most < 1:
        raise InvalidValue("--most", asked.most, "must be at least 1")
    cli_session = CliSession(
        checked(where, SettingOptions()), key_id=key, hints=False, everywhere=True
    )
    user = cli_session.owner_of(key)
    [account] = cli_session.inventory.accounts
    with _progress() as tick:
        found = _traced(cli_session.aws, account.id, user, key, asked, tick)
    if asked.format is Findings.JSON:
        put(write_trace(found))
    else:
        typer.echo("\n".join(map(visible, _said(found))))
    return FAILED if found.unseen else 0


def _traced(  # noqa: PLR0913, PLR0917 -- whose key, what is asked, and who is told
    aws: Aws, account: str, user: str, key: str, asked: TraceOptions, tick: Callable[[str], None]
) -> Trace:
    keys = aws.keys_in(account)
    unseen: list[str] = []
    facts = next((each for each in keys.keys_of(user) if each.key_id == key), None)
    use: LastUse | None = None
    try:
        use = keys.last_use(key)
    except PortError as error:
        unseen.append(f"its last use could not be read ({error})")
    quarantined: str | None = None
    if aws.settings.reports_quarantine:
        try:
            quarantined = keys.quarantined().get(user)
        except PortError as error:
            unseen.append(f"whether AWS put its user into quarantine could not be read ({error})")
    regions = _regions(aws, account, use, asked)
    days = Days(since=(now() - KEPT).date(), until=now().date(), now=now())
    calls: list[Call] = []
    for region in regions:
        looked = look_up(
            aws.event_history(account),
            [(region, "AccessKeyId", key)],
            days,
            lambda region=region: tick(region),  # type: ignore[misc]  # mypy takes it for two
            asked.most,
        )
        for event in looked.events:
            if isinstance(event, TrailEvent):
                calls.append(_call(event, region))
            else:
                unseen.append(f"{event.where} {event.why}")
        unseen += (each for each in looked.unseen if each not in unseen)
    return Trace(
        key=key,
        account=account,
        user=user,
        status=_status(facts),
        last_use=use,
        quarantined=quarantined,
        uses=uses_of(calls),
        regions=regions,
        since=days.begin,
        unseen=tuple(each for each in unseen if not each.startswith("CloudTrail's event history")),
    )


def _status(facts: KeyFacts | None) -> str:
    return "unknown" if facts is None else facts.status.value


def _call(event: TrailEvent, region: str) -> Call:
    return Call(
        at=event.at,
        region=region,
        caller=caller(event.address, event.agent, event.service),
        is_refused=event.error is not None,
    )


def _regions(aws: Aws, account: str, use: LastUse | None, asked: TraceOptions) -> tuple[str, ...]:
    """That of the last use, those of the secrets and of IAM, and what was asked for."""
    near = [use.region] if use and use.region and names.REGION.fullmatch(use.region) else []
    more: Sequence[str] = aws.every_region() if asked.every_region else asked.in_region or ()
    return tuple(dict.fromkeys([*near, *aws.trail_regions(account), *more]))


def _said(trace: Trace) -> Iterator[str]:
    yield f"{trace.key} of {trace.user} in {trace.account}: {trace.status}"
    if trace.quarantined is not None:
        yield f"LEAKED, says AWS: its user is under {trace.quarantined}. Revoke it:"
        yield f"  keyturn revoke {trace.key} --leaked"
    yield f"Last used, by IAM: {_last(trace.last_use)}"
    yield (
        f"CloudTrail since {trace.since:%Y-%m-%d}, in {', '.join(trace.regions)}: "
        f"{pluralize(sum(each.calls for each in trace.uses), 'call')}"
    )
    for each in trace.uses:
        refused = f", {each.refused} of them refused" if each.refused else ""
        yield (
            f"  {each.caller.service} in {each.region} from {each.caller.address} by "
            f"{each.caller.agent}: {pluralize(each.calls, 'call')}{refused}, "
            f"{each.first:%Y-%m-%d %H:%MZ} to {each.last:%Y-%m-%d %H:%MZ}"
        )
    yield f"{NOT_IN_IT}, nor are calls in other regions."
    yield from (f"NOT SEEN: {each}." for each in trace.unseen)


def _last(use: LastUse | None) -> str:
    if use is None:
        return "could not be read"
    if use.at is None:
        return "never"
    return f"{use.at:%Y-%m-%d %H:%MZ}, {use.service or 'unknown'} in {use.region or 'unknown'}"


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    console = make_console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("CloudTrail in {task.description}: page {task.completed:.0f}"),
        console=console,
        transient=True,
        disable=not shows_progress(),
    ) as progress:
        tasks = {}

        def tick(region: str) -> None:
            if region not in tasks:
                tasks[region] = progress.add_task(region, total=None)
            progress.advance(tasks[region])

        yield tick
