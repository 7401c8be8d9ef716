"""Room for as many connections as are at work: macOS lets a process open 256 files."""

OF_EACH_WORKER = 3
"""Connections: to IAM, to Secrets Manager, and to our own account."""
BESIDE = 128


def make_room(workers: int) -> None:
    """Let this process open so many files, as far as the operator's system permits."""
    try:
        import resource  # noqa: PLC0415 -- Windows has none, and needs none
    except ImportError:
        return
    wanted = OF_EACH_WORKER * workers + BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
