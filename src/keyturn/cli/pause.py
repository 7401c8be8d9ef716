"""Stop every write in the organisation, and let them go on."""

from rich.text import Text

from keyturn.cli.audit import entry_of, unkept
from keyturn.cli.beside import Level, say
from keyturn.cli.consoles import make_console
from keyturn.cli.deployed import deployed_settings
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.given import given
from keyturn.cli.json_answers import put
from keyturn.cli.local_run import connect, now
from keyturn.cli.needs import asks_first
from keyturn.cli.options import AccountOptions, Findings, PauseOptions
from keyturn.cli.session import confirm
from keyturn.domain.errors import PortError
from keyturn.domain.plain_text import shown
from keyturn.ports import LocatedPauseFlag, Pause
from keyturn.schemas.pause_answer import write_pause_state
from keyturn.settings import Settings
from keyturn.use_cases.audited import Audited
from keyturn.use_cases.stop import stop
from keyturn.wiring import Aws

ALONE = (
    "Keyturn stores nothing there: most likely the functions look somewhere else. "
    "--deployed finds the place, or --bucket and --prefix name it."
)
DRY = "Dry run: nothing was written. --enforce does it."


def pause(asked: PauseOptions) -> int:
    """Stop every write."""
    aws, asks = _connected(asked, needs_reason=True)
    flag = aws.located_pause_flag()
    try:
        before = flag.pause()
        _stands(asked, flag, before, is_end=not asked.enforce)
    except PortError as error:
        if not asked.enforce:
            raise
        # Setting the pause finds an earlier one, too (use_cases/stop.py).
        before = None
        say(f"Whether Keyturn is paused could not be read ({error}).", Level.WARNING)
    is_alone = _is_alone(flag)
    if not asked.enforce:
        if before is None:
            say(DRY)
        return FAILED if is_alone and before is not None else 0
    if asks and before is None:
        confirm("Stop every write in the organisation.")
    # Nothing is to hold up a stop, neither a missing entry.
    with _audited(aws, asked, "pause", urgent=True) as notes:
        wanted = Pause(by=notes.entry.by, at=notes.entry.at, why=asked.reason or "")
        # An earlier pause stays, and this one is kept beside it.
        in_force = stop(flag, wanted)
        notes.ends(f"paused: {asked.reason}", failed=False)
    _stands(asked, flag, in_force, is_end=True)
    return FAILED if is_alone else _code(notes)


def resume(asked: PauseOptions) -> int:
    """Let writes go on."""
    aws, asks = _connected(asked)
    flag = aws.located_pause_flag()
    before = flag.pause()
    _stands(asked, flag, before, is_end=before is None or not asked.enforce)
    _is_alone(flag)
    if before is None or not asked.enforce:
        if before is not None:
            say(DRY)
        return 0
    if asked.format is Findings.JSON:
        # The state at the end has none of them any more.
        for each in before.others:
            say(each)
    if asks:
        confirm("Let writes go on.")
    with _audited(aws, asked, "resume") as notes:
        flag.clear()
        notes.ends(f"lifted: {_paused(before)}", *before.others, failed=False)
    _stands(asked, flag, None, is_end=True)
    return _code(notes)


def _connected(asked: PauseOptions, *, needs_reason: bool = False) -> tuple[Aws, bool]:
    """Connect, and say whether to ask; what is wrong or missing is refused before."""
    own = given(asked)
    settings = Settings.read(own)
    needs: dict[str, str] = {}
    if needs_reason and asked.reason is None:
        needs["--reason"] = ": it is shown to those who are held up"
    if not (settings.bucket or asked.deployed):
        needs["--bucket"] = ": there all runs look; or --deployed"
    asks = asks_first(enforce=asked.enforce, yes=asked.yes, needs=needs)
    if asked.deployed:
        settings = deployed_settings(asked.profile, asked.region, own)
    where = AccountOptions(profile=asked.profile, region=asked.region)
    return connect(where, settings, lambda _action, _facts: None), asks


def _audited(aws: Aws, asked: PauseOptions, command: str, *, urgent: bool = False) -> Audited:
    entry = entry_of(aws, command, why=asked.reason, urgent=urgent)
    return Audited(audit=aws.audit(urgent=urgent), entry=entry, clock=now, urgent=urgent)


def _stands(
    asked: PauseOptions, flag: LocatedPauseFlag, pause: Pause | None, *, is_end: bool
) -> None:
    """Say how things stand, and where that is written: elsewhere they may stand otherwise."""
    if asked.format is not Findings.JSON:
        said = _paused(pause) if pause else "Keyturn is not paused."
        _say(f"{said} [{flag.place}]")
        for each in pause.others if pause else ():
            _say(each)
    elif is_end:
        put(write_pause_state(flag.place, pause))


def _is_alone(flag: LocatedPauseFlag) -> bool:
    """Whether a pause there stops nobody, most likely; said aloud."""
    try:
        is_alone = flag.is_alone()
    except PortError as error:
        say(f"Whether Keyturn stores anything there could not be read ({error}).", Level.WARNING)
        return False
    if is_alone:
        say(ALONE, Level.WARNING)
    return is_alone


def _paused(pause: Pause) -> str:
    return f"Keyturn is paused by {pause.by} since {pause.at:%Y-%m-%d %H:%MZ}: {pause.why}"


def _say(line: str) -> None:
    make_console().print(Text(shown(line)), soft_wrap=True)


def _code(notes: Audited) -> int:
    for line in unkept(notes.unwritten):
        say(line, Level.ERROR)
    return FAILED if notes.unwritten else 0
