"""
`keyturn pickup`: a delivered key, from its secret into a profile on this machine.

No secret is shown unless it is asked for.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import typer

from keyturn.cli.beside import Level, say
from keyturn.cli.own_credentials import open_session
from keyturn.cli.pickup_options import PickupOptions, PrintAs, SecretOptions, named_secret
from keyturn.domain.errors import InvalidValue
from keyturn.domain.plain_text import shown
from keyturn.own_machine.model.access_key import as_credentials
from keyturn.own_machine.model.errors import NotDelivered
from keyturn.own_machine.pick_up import Found
from keyturn.own_machine.ports import ProfileKey
from keyturn.own_machine.wiring import OwnMachine, files

_IN_SHELL: Final = {
    PrintAs.ENV: ("export {}='{}'", "unset {}"),
    PrintAs.FISH: ("set -gx {} '{}'", "set -e {}"),
    PrintAs.POWERSHELL: ("$env:{} = '{}'", "Remove-Item -ErrorAction Ignore Env:{}"),
}
"""How a shell puts a variable, and takes one away."""
_ENDS = "works until the day that the mail names. Do not delete it: Keyturn disables it first."


def pickup(which: SecretOptions, options: PickupOptions) -> int:
    """Carry the command out; the exit code."""
    asked = named_secret(which)
    sdk_files = files(
        _path("AWS_SHARED_CREDENTIALS_FILE", "credentials"), _path("AWS_CONFIG_FILE", "config")
    )
    old = sdk_files.key_of(_profile(options)) if _needs_profile(which, options) else None
    session = open_session(
        which.source_profile or (old.profile if old else None),
        which.region or (asked.secret.region if asked.secret else None),
        "--source-profile" if which.source_profile else "--profile",
    )
    pick_up = OwnMachine(session=session).pick_up(sdk_files)
    found = pick_up.find(asked, old)
    if options.print is not None:
        _print(found, options.print)
        return 0
    _show(found)
    if old is None or found.is_there:
        typer.echo("Nothing to do: the profile holds the newest key.")
    elif options.dry_run:
        typer.echo(f"The new key works. {shown(old.path)} would be changed; nothing was written.")
    else:
        copy = pick_up.put(found, datetime.now(UTC))
        typer.echo(f"The new key works, and is in {shown(old.path)}.")
        typer.echo(f"The file as it was: {shown(copy)}. Remove it once all works.")
    _remark(found)
    return 0


def _needs_profile(which: SecretOptions, options: PickupOptions) -> bool:
    """Whether a profile's key is asked for: what is only printed may have no profile."""
    is_named = which.secret is not None or which.user is not None
    return options.print is None or options.profile is not None or not is_named


def _profile(options: PickupOptions) -> str:
    if options.profile == "":
        raise InvalidValue("--profile", "", "must not be empty")
    # In the order in which botocore asks.
    chosen = (os.environ.get(each) for each in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE"))
    return options.profile or next(filter(None, chosen), "default")


def _path(variable: str, name: str) -> Path:
    """Where the AWS SDKs look for a file of theirs."""
    given = os.environ.get(variable) or str(Path("~", ".aws", name))
    # As botocore does: without a home folder the ~ stays, and names no file.
    return Path(os.path.expanduser(os.path.expandvars(given)))  # noqa: PTH111 -- Path's own raises


def _print(found: Found, form: PrintAs) -> None:
    key = found.new.key
    if form is PrintAs.SMTP and not found.new.smtp:
        lacks = "has no SMTP password: the administrators set for whom (SmtpUsers)"
        raise NotDelivered(f"the secret {found.address.id} {lacks}")
    if sys.stdout is not None and sys.stdout.isatty():
        say("Warning: the secret access key is on your screen now.", Level.WARNING)
    if form is PrintAs.JSON:
        typer.echo(as_credentials(key))
    elif form is PrintAs.SMTP:
        typer.echo(json.dumps({"UserName": key.key_id, "Passwords": dict(found.new.smtp)}))
    else:  # both are letters, digits and what no shell takes for its own; quoted all the same
        put, take_away = _IN_SHELL[form]
        typer.echo(put.format("AWS_ACCESS_KEY_ID", key.key_id))
        typer.echo(put.format("AWS_SECRET_ACCESS_KEY", key.secret))
        typer.echo(take_away.format("AWS_SESSION_TOKEN"))


def _show(found: Found) -> None:
    """Both keys, by their ids."""
    created = found.new.created
    since = f", made on {created:%Y-%m-%d}" if created else ""
    owner = f"{found.address.user} in {found.address.account}"
    old = found.old
    if old is not None:
        typer.echo(
            f"old key: {old.key.key_id} (profile {shown(old.profile)} in {shown(old.path)})"
        )
    typer.echo(f"new key: {found.new.key.key_id} ({owner}{since})")


def _remark(found: Found) -> None:
    old = found.old
    if old is None:
        return
    if old.key.key_id != found.new.key.key_id and found.unknown is None:
        typer.echo(f"The old key {_ENDS}")
    if found.unknown is not None:
        say(f"Whose the old key is could not be checked: {found.unknown}.", Level.WARNING)
    if found.unordered is not None and found.unknown is None:
        why = f"could not be checked: {found.unordered}."
        say(f"Whether the new key is the newer one {why}", Level.WARNING)
    if old.also_in is not None:
        say(_also(old), Level.WARNING)
    in_shell = os.environ.get("AWS_ACCESS_KEY_ID")
    if in_shell and in_shell != found.new.key.key_id:
        say("AWS_ACCESS_KEY_ID is set here, and goes before the profile.", Level.WARNING)


def _also(old: ProfileKey) -> str:
    return (
        f"{shown(old.also_in)} holds a key of this profile, too. The SDKs do not read it while "
        f"{shown(old.path)} has one; it was left as it is."
    )
