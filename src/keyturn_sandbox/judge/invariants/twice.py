"""9: twice is as good as once."""

from collections.abc import Iterator

from keyturn_sandbox.judge.evidence import JudgedRun
from keyturn_sandbox.judge.history import ReplayedHistory
from keyturn_sandbox.judge.invariants import Fact
from keyturn_sandbox.judge.invariants.calls import OF_KEYS, format_utc, is_write, spoken


def twice_is_as_good_as_once(history: ReplayedHistory) -> Iterator[Fact]:
    """9: a day's second run writes nothing, and nobody is told a thing twice."""
    yield from _repeats_write_nothing(history)
    yield from _nobody_is_told_twice(history)


def _repeats_write_nothing(history: ReplayedHistory) -> Iterator[Fact]:
    for run in history.runs:
        if run.repeats:
            for call in history.calls_of(run):
                is_written = call.service in OF_KEYS and is_write(call)
                yield f"{spoken(call)}, in the second run of a day" if is_written else None


def _nobody_is_told_twice(history: ReplayedHistory) -> Iterator[Fact]:
    told: dict[tuple[str, str, str], JudgedRun] = {}
    for mail in sorted(history.evidence.mails, key=lambda mail: mail.at):
        run = history.run_at(mail.at)
        steps = history.evidence.step_of(mail)
        if run is None or run.dry_run or not steps:
            continue
        new = {(address, *step) for address in mail.to for step in steps}
        noted = {each for each, by in told.items() if not by.unnoted}
        again = sorted({f"{key_id} ({step})" for _, key_id, step in new & noted})
        told |= dict.fromkeys(new, run)
        who = f"{', '.join(mail.to)} was told at {format_utc(mail.at)}"
        if again:
            yield f"{who} a second time of {', '.join(again)}"
        else:
            yield f"{who} something new by the second run of a day" if run.repeats else None
