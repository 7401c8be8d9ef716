"""Say that mails to an address arrive again, which Keyturn gave up because one came back."""

import typer

from keyturn.cli.audit import entry_of, unkept
from keyturn.cli.deployed import deployed_settings
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.given import given
from keyturn.cli.local_run import connect, now
from keyturn.cli.needs import asks_first
from keyturn.cli.options import AccountOptions, ReachableOptions
from keyturn.cli.own_credentials import open_session
from keyturn.cli.session import confirm
from keyturn.deployment.model.resources import NOTIFIER
from keyturn.deployment.wiring import functions
from keyturn.domain.errors import InvalidValue, PortError
from keyturn.domain.owner import UNDELIVERABLE_LIFE
from keyturn.domain.plain_text import shown
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.settings import Settings
from keyturn.use_cases.audited import Audited
from keyturn.wiring import Aws

DRY = "Dry run: nothing was written. --enforce does it."
OFF_THE_LIST = "aws sesv2 delete-suppressed-destination --email-address"


def reachable(address: str, asked: ReachableOptions) -> int:
    """
    Lift the mark of an address; code 1, if SES would still send nothing to it.

    Raises InvalidValue for what is no address, before anything is asked.
    """
    recipient = Recipient(ChannelName.EMAIL, address)
    if not recipient.can_be_reached:
        raise InvalidValue("ADDRESS", address, "must be one e-mail address")
    aws, asks = _connected(asked)
    since = aws.say_reachable().dead_since(recipient, now())
    if since is None:
        _say(f"{address} is not marked as an address that cannot be reached.")
    else:
        until = since + UNDELIVERABLE_LIFE
        _say(
            f"{address} counts as one that cannot be reached since {since:%Y-%m-%d %H:%MZ}, "
            f"until {until:%Y-%m-%d}."
        )
    is_suppressed = _is_suppressed(aws, recipient)
    if since is None:
        return FAILED if is_suppressed else 0
    if not asked.enforce:
        _say(DRY)
        return FAILED if is_suppressed else 0
    if asks:
        confirm(f"Send mails to {address} again.")
    entry = entry_of(aws, "reachable", why=asked.reason)
    with Audited(audit=aws.audit(), entry=entry, clock=now) as notes:
        _lift(aws, recipient, asked, by=entry.by)
        notes.ends(f"{address} can be reached again", failed=False)
    _say(f"{address} is notified again from the next run on.")
    for line in unkept(notes.unwritten):
        _say(line)
    return FAILED if is_suppressed or notes.unwritten else 0


def _connected(asked: ReachableOptions) -> tuple[Aws, bool]:
    """Connect, and say whether to ask; what is wrong or missing is refused before."""
    own = given(asked)
    settings = Settings.read(own)
    needs: dict[str, str] = {}
    if not (settings.bucket or asked.deployed):
        needs["--bucket"] = ": there it is marked; or --deployed"
    asks = asks_first(enforce=asked.enforce, yes=asked.yes, needs=needs)
    if asked.deployed:
        # Where mails are sent from, the notifier alone knows.
        theirs = functions(open_session(asked.profile, asked.region)).variables(NOTIFIER)
        region = {"MailRegion": theirs.get("MailRegion", "")}
        settings = deployed_settings(asked.profile, asked.region, region | own)
    where = AccountOptions(profile=asked.profile, region=asked.region)
    return connect(where, settings, lambda _action, _facts: None), asks


def _is_suppressed(aws: Aws, recipient: Recipient) -> bool:
    """Whether SES sends nothing to an address; said aloud, with what to do."""
    try:
        why = aws.suppression_list().why_suppressed(recipient)
    except PortError as error:
        _say(f"Whether it is on SES's suppression list could not be read ({error}).")
        return False
    if why is None:
        return False
    _say(
        f"It is on SES's suppression list ({why}): SES sends nothing to it, and it will be marked "
        f"again. When the mailbox works again: {OFF_THE_LIST} {recipient.address}"
    )
    return True


def _lift(aws: Aws, recipient: Recipient, asked: ReachableOptions, *, by: str) -> None:
    """By the notifier where there is one: a deployment's bucket lets nobody else do it."""
    if not asked.deployed:
        aws.say_reachable().say(recipient, now())
        return
    event = {"Reachable": recipient.address, "by": by[:200]}
    if asked.reason:
        event["reason"] = asked.reason
    functions(open_session(asked.profile, asked.region)).invoke(NOTIFIER, event)


def _say(line: str) -> None:
    typer.echo(shown(line))
