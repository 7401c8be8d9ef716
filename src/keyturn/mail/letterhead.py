"""What every mail says of who sends it, so that its reader can tell it from a false one."""

from dataclasses import dataclass
from typing import Final

SUBJECT_PREFIX: Final = "[AWS access keys]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """All of it comes from the configuration: nothing that an account or a user is called."""

    admin: str
    """The administrators' address, from which mails come."""
    organization: str = ""
    """What the organisation is called; empty: nobody said."""
    help_link: str = ""
    """A page of the organisation's own about access keys, https; empty: there is none."""
    subject_prefix: str = SUBJECT_PREFIX
    bucket: str = ""
    """Where Keyturn stores what mails point to; empty: not known."""
    region: str = ""
    """The region of the bucket."""
