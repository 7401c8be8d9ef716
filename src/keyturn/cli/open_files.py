"""Room for as many connections as are at work: macOS lets a process open 256 files."""

import sys
from contextlib import suppress

OF_EACH_WORKER = 3
"""Connections: to IAM, to Secrets Manager, and to our own account."""
BESIDE = 128


def make_room(workers: int) -> None:
    """Let this process open so many files, as far as the operator's system permits."""
    if sys.platform == "win32":
        return  # it has no such limit, and no module for it
    import resource  # noqa: PLC0415 -- see above

    wanted = OF_EACH_WORKER * workers + BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    # macOS names no limit, and has one.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
