"""Stop every write in the organisation, and let them go on; and what is held up by that."""

from keyturn.domain.errors import AlreadyThere, OrderNotDone, Paused, PortError
from keyturn.ports import Pause, PauseFlag

TRIES = 3
"""Somebody may lift an earlier pause just then, or set the flag at the same moment."""
ALL_THE_SAME = 'to do it all the same: --even-paused (in an event "EvenPaused": true)'


def stop(pause_flag: PauseFlag, pause: Pause) -> Pause:
    """
    Pause, and answer with the pause that is in force: an earlier one stays as it is.

    Nothing is to hold up a stop: where an earlier pause could not be read, it is asked for all
    the same, and setting it finds the earlier one.

    Raises AlreadyThere where somebody's pause came and went at each try, and a PortError where
    the flag could not be set: then writes go on. Source: decision 0015.
    """
    for _ in range(TRIES):
        try:
            pause_flag.set(pause)
        except AlreadyThere:
            try:
                standing = pause_flag.pause()
            except PortError:
                return pause  # whose it is nobody can read; that writes are stopped is sure
            if standing is not None:
                return standing
        else:
            return pause
    raise AlreadyThere("the pause of somebody else comes and goes: try again")


def refuse_if_paused(pause_flag: PauseFlag) -> None:
    """Raises OrderNotDone while writes are stopped, or where nobody can tell."""
    try:
        pause = pause_flag.pause()
    except PortError as error:
        message = f"whether Keyturn is paused could not be read ({error})"
        raise OrderNotDone(f"{message}: nothing was done; {ALL_THE_SAME}") from error
    if pause is not None:
        raise OrderNotDone(f"{Paused(pause.by, pause.at, pause.why)}; {ALL_THE_SAME}")
