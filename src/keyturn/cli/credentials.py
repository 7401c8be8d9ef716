"""
`keyturn credentials`: the newest delivered key, as AWS's `credential_process` wants it.

An SDK runs it whenever its credentials are about to end. So an answer from the cache imports
nothing of AWS's SDK, which takes longer than all the rest; and standard output gets nothing else.
"""

import hashlib
import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from keyturn.cli.beside import Level, say
from keyturn.cli.pickup_options import CredentialsOptions, SecretOptions, named_secret
from keyturn.domain.errors import InvalidValue, KeyturnError, PortError
from keyturn.own_machine.give_credentials import GiveCredentials
from keyturn.own_machine.model.access_key import AccessKey, Asked, as_credentials
from keyturn.own_machine.wiring import OwnMachine, cache

_INSIDE = "_KEYTURN_CREDENTIALS"
"""Set while this command asks AWS: a profile that would ask this command again is refused."""
_OF_THE_SDK = (
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
)
"""By these the same options mean another secret, or another reader."""


LEAST_REFRESH, MOST_REFRESH = 30, 720
"""Minutes. SDKs ask anew 15 minutes before the end: with fewer they would do so at each call."""
MOST_STALE = 72
"""Hours. A key that is given for longer than its installation window has ended by then."""


def credentials(which: SecretOptions, options: CredentialsOptions) -> int:
    """Carry the command out; the exit code. Raises InvalidValue where no secret is named."""
    _check(options)
    asked = named_secret(which)
    if asked.secret is None and asked.user is None:
        raise InvalidValue("--secret", "", "or --user is needed")
    given = GiveCredentials(
        cache=cache(_cache_path(which)),
        ask=lambda known: _ask(which, options, asked, known),
        refresh=timedelta(minutes=options.refresh),
        stale=timedelta(hours=options.stale),
        say=lambda line: say(line, Level.WARNING),
    ).give(datetime.now(UTC))
    typer.echo(as_credentials(given.key, given.until))
    return 0


def _check(options: CredentialsOptions) -> None:
    if not LEAST_REFRESH <= options.refresh <= MOST_REFRESH:
        rule = f"must be {LEAST_REFRESH} to {MOST_REFRESH} minutes"
        raise InvalidValue("--refresh", options.refresh, rule)
    if not 0 <= options.stale <= MOST_STALE:
        raise InvalidValue("--stale", options.stale, f"must be 0 to {MOST_STALE} hours")


def _ask(
    which: SecretOptions, options: CredentialsOptions, asked: Asked, known: AccessKey | None
) -> AccessKey:
    """Read the secret, with the key that we have or with the source's credentials."""
    # AWS's SDK takes half a second to import, and most answers come from the cache.
    from keyturn.cli.own_credentials import have_credentials, make_session  # noqa: PLC0415 -- see above

    with _no_circle():
        region = which.region or (asked.secret.region if asked.secret else None)
        session = make_session(which.source_profile, region, "--source-profile")
        source = OwnMachine(session=session)
        why = ""
        if options.own_key and known is not None:
            try:
                return _read(source.as_key(known), asked, known)
            except PortError as error:
                why = f"; and with the key of before: {error}"
        try:
            have_credentials(session)
            return _read(source, asked, known)
        except PortError as error:
            raise type(error)(f"{error}{why}") from error


def _read(machine: OwnMachine, asked: Asked, known: AccessKey | None) -> AccessKey:
    # With a key at hand nobody waits for one that was made this minute: the next answer has it.
    reader = machine.read_delivered() if known is None else machine.read_delivered(pauses=())
    return reader.of(reader.address(asked), known).key


@contextmanager
def _no_circle() -> Generator[None]:
    """Raises KeyturnError where this command was started by itself, for a profile of its own."""
    if _INSIDE in os.environ:
        cure = "give --source-profile with a profile that has other credentials"
        raise KeyturnError(f"the credentials to read the secret come from this command: {cure}")
    os.environ[_INSIDE] = "1"
    try:
        yield
    finally:
        del os.environ[_INSIDE]


def _cache_path(which: SecretOptions) -> Path | None:
    folder = _cache_folder()
    if folder is None:
        return None
    asked = [which.user, which.account, which.secret, which.region, which.source_profile]
    who = json.dumps([asked, [os.environ.get(each) for each in _OF_THE_SDK]])
    return folder / f"{hashlib.sha256(who.encode()).hexdigest()[:32]}.json"


def _cache_folder() -> Path | None:
    """Where programs of this user keep what they can get again."""
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            given = os.environ.get("XDG_CACHE_HOME", "")
            # https://specifications.freedesktop.org/basedir-spec: a relative one does not count.
            base = Path(given) if given.startswith("/") else Path.home() / ".cache"
    except RuntimeError:  # a container's user without a home
        return None
    return base / "keyturn"
