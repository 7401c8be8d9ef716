"""What `pause` and `resume` answer, the commands and the events."""

from collections.abc import Iterable
from typing import Final, Literal, TypedDict

from keyturn.domain.pause import Pause
from keyturn.domain.result import Failure
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account import Moment, write_failed
from keyturn.schemas.pause import PauseOrder, pause_file, pause_orders

VERSION: Final = 1


# docs/schemas/switch.json names this form by its class, and stays as it is.
class SwitchFile(TypedDict):
    """What `pause` and `resume` write: how things stand at the end, and where that is kept."""

    version: Literal[1]
    paused: bool
    by: str | None
    since: Moment | None
    why: str | None
    also: list[PauseOrder]
    place: str


def write_pause_state(place: str, pause: Pause | None) -> SwitchFile:
    """Whether every write is stopped, and by whom."""
    return {
        "version": VERSION,
        "paused": pause is not None,
        "by": pause.by if pause else None,
        "since": format_utc(pause.at) if pause else None,
        "why": pause.why if pause else None,
        "also": pause_orders(pause) if pause else [],
        "place": place,
    }


def write_pause_answer(
    pause: Pause | None,
    failures: Iterable[Failure],
    *,
    dry_run: bool,
    lifted: Pause | None = None,
) -> dict[str, object]:
    """
    What the rotation function answers.

    pause: the one in force at the end. lifted: the one that this ended, with everybody who had
    asked for it: who resumed may know of one alone.
    """
    ended = {"lifted": pause_file(lifted)} if lifted else {}
    return {
        **ended,
        "dry_run": dry_run,
        "paused": pause_file(pause) if pause else None,
        "failures": write_failed(failures),
    }
