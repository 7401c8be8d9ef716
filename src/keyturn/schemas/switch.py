"""What `pause` and `resume` answer."""

from typing import Literal, TypedDict

from keyturn.schemas.account import Moment


class SwitchFile(TypedDict):
    """What `pause` and `resume` write: how things stand at the end, and where that is kept."""

    version: Literal[1]
    paused: bool
    by: str | None
    since: Moment | None
    why: str | None
    place: str
