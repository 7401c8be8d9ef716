"""Stop every write in the organisation, and let them go on."""

import uuid

from rich.console import Console
from rich.text import Text

from keyturn.domain.errors import InvalidValue
from keyturn.entrypoints.cli_options import Switching, Where, given
from keyturn.entrypoints.cli_run import asks_first, confirm
from keyturn.entrypoints.laptop import connect, now
from keyturn.entrypoints.one_line import FAILED, shown
from keyturn.ports import AuditEntry, Pause
from keyturn.settings import Settings
from keyturn.use_cases.audited import Audited
from keyturn.use_cases.stop import stop
from keyturn.wiring import Aws

DRY = "Dry run: nothing was written. --enforce does it."


def pause(asked: Switching) -> int:
    """Stop every write."""
    if asked.reason is None:
        raise InvalidValue("--reason", "", "is needed: whoever is held up asks why")
    aws, asks = _connected(asked)
    before = aws.switch().pause()
    _say(_paused(before) if before else "Keyturn is not paused.")
    if before is not None or not asked.enforce:
        if before is None:
            _say(DRY, to_stderr=True)
        return 0
    if asks:
        confirm("Stop every write in the organisation.")
    # Nothing is to hold up a stop, neither a missing entry.
    with _audited(aws, asked, "pause", urgent=True) as notes:
        wanted = Pause(by=notes.entry.by, at=notes.entry.at, why=asked.reason)
        in_force = stop(aws.switch(), wanted)
        notes.ends(f"paused: {asked.reason}", failed=False)
    _say(_paused(in_force))
    return _code(notes)


def resume(asked: Switching) -> int:
    """Let writes go on."""
    aws, asks = _connected(asked)
    before = aws.switch().pause()
    _say(_paused(before) if before else "Keyturn is not paused.")
    if before is None or not asked.enforce:
        if before is not None:
            _say(DRY, to_stderr=True)
        return 0
    if asks:
        confirm("Let writes go on.")
    with _audited(aws, asked, "resume") as notes:
        aws.switch().lift()
        notes.ends(f"lifted: {_paused(before)}", failed=False)
    _say("Keyturn is not paused any more.")
    return _code(notes)


def _connected(asked: Switching) -> tuple[Aws, bool]:
    """Connect, and say whether to ask; what is wrong is refused before."""
    settings = Settings.read(given(asked))
    if not settings.bucket:
        raise InvalidValue("--bucket", "", "is needed: there all runs look")
    asks = asks_first(enforce=asked.enforce, yes=asked.yes)
    where = Where(profile=asked.profile, region=asked.region)
    return connect(where, settings, lambda _action, _facts: None), asks


def _audited(aws: Aws, asked: Switching, command: str, *, urgent: bool = False) -> Audited:
    entry = AuditEntry(
        mark=uuid.uuid4().hex[:12],
        command=command,
        at=now(),
        by=aws.caller(),
        why=asked.reason,
    )
    return Audited(audit=aws.audit(), entry=entry, clock=now, urgent=urgent)


def _paused(pause: Pause) -> str:
    return f"Keyturn is paused by {pause.by} since {pause.at:%Y-%m-%d %H:%MZ}: {pause.why}"


def _say(line: str, *, to_stderr: bool = False) -> None:
    Console(stderr=to_stderr).print(Text(shown(line)), soft_wrap=True)


def _code(notes: Audited) -> int:
    for error in notes.unwritten:
        _say(f"an audit entry could not be written: {error}", to_stderr=True)
    return FAILED if notes.unwritten else 0
