"""Stop every write in the organisation, and let them go on; and what is held up by that."""

from keyturn.domain.errors import AlreadyThere, KeyturnError, OrderNotDone, Paused, PortError
from keyturn.ports import Pause, PauseFlag

TRIES = 3
"""Somebody may lift an earlier pause just then, or set the flag at the same moment."""
ALL_THE_SAME = 'to do it all the same: --even-paused (in an event "EvenPaused": true)'


def stop(pause_flag: PauseFlag, pause: Pause) -> Pause:
    """
    Pause, and answer with the pause that is in force.

    An earlier one stays, and this one is kept beside it: whoever lifts the earlier one is to
    learn that somebody else, or an alarm, had asked for it too.

    Nothing is to hold up a stop: where an earlier pause could not be read, it is asked for all
    the same, and setting it finds the earlier one.

    Raises AlreadyThere where somebody's pause came and went at each try, and a PortError where
    the flag could not be set: then writes go on. Raises OrderNotDone where they are stopped by an
    earlier pause, and this one could not be kept beside it. Source: decision 0015.
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
                return _beside(pause_flag, standing, pause)
        else:
            return pause
    raise AlreadyThere("the pause of somebody else comes and goes: try again")


def _beside(pause_flag: PauseFlag, standing: Pause, order: Pause) -> Pause:
    both = standing.with_order(order)
    if both is not standing:
        try:
            pause_flag.replace(both)
        except KeyturnError as error:
            message = f"Keyturn is paused by {standing.by}, but that {order.by} asked for it too"
            raise OrderNotDone(f"{message} could not be kept beside that ({error})") from error
    return both


def refuse_if_paused(pause_flag: PauseFlag) -> None:
    """Raises OrderNotDone while writes are stopped, or where nobody can tell."""
    try:
        pause = pause_flag.pause()
    except PortError as error:
        message = f"whether Keyturn is paused could not be read ({error})"
        raise OrderNotDone(f"{message}: nothing was done; {ALL_THE_SAME}") from error
    if pause is not None:
        raise OrderNotDone(f"{Paused(pause.by, pause.at, pause.why)}; {ALL_THE_SAME}")
