"""What Keyturn relies on of SES's suppression list. No mail is sent."""

from typing import Final

from keyturn.rehearsal.probes.bench import Bench, expect, refusal
from keyturn.rehearsal.probes.probe import Probe, Unprobed

_API: Final = "https://docs.aws.amazon.com/ses/latest/APIReference-V2"
_GUIDE: Final = "https://docs.aws.amazon.com/ses/latest/dg"


def _not_suppressed(bench: Bench) -> str:
    # A domain that nobody can have (RFC 2606).
    address = f"{bench.named('not-suppressed')}@example.com"
    ses = bench.client("sesv2")
    return refusal(
        lambda: ses.get_suppressed_destination(EmailAddress=address),
        ["NotFoundException"],
        "an address that is not on the list",
    )


def _send_rate(bench: Bench) -> str:
    rate = bench.client("sesv2").get_account()["SendQuota"]["MaxSendRate"]
    expect(rate > 0, f"MaxSendRate is {rate}")
    return f"{rate:g} mails a second"


PROBES: Final = (
    Probe(
        name="send-rate",
        claim="`GetAccount` tells how many mails a second SES takes",
        source=f"{_API}/API_GetAccount.html",
        rests_on_it=("0040", "adapters/channels/email.py"),
        otherwise="Mails would be throttled, and come later",
        actions=("ses:GetAccount",),
        run=_send_rate,
    ),
    Probe(
        name="not-suppressed",
        claim=(
            "`GetSuppressedDestination` of an address that is not on the list is "
            "`NotFoundException`"
        ),
        source=f"{_API}/API_GetSuppressedDestination.html",
        rests_on_it=("0048", "adapters/ses_suppression.py"),
        otherwise="Whether an owner can be reached would not be known",
        actions=("ses:GetSuppressedDestination",),
        run=_not_suppressed,
    ),
)

UNPROBED: Final = (
    Unprobed(
        name="suppressed",
        claim=(
            "An address on the account's suppression list is told with its reason; SES accepts a"
            " mail to it, and sends none"
        ),
        source=f"{_GUIDE}/sending-email-suppression-list.html",
        rests_on_it=("0048", "adapters/ses_suppression.py"),
        otherwise=(
            "An owner who gets no mail would not be named; a receipt would stand for a mail that"
            " nobody got"
        ),
        why=(
            "the list belongs to the whole account, and a rehearsal writes to nothing that is "
            "not its own"
        ),
    ),
    Unprobed(
        name="bounce-is-told",
        claim="A bounce comes as an event on the bus, as best SES can",
        source=f"{_GUIDE}/monitoring-eventbridge.html",
        rests_on_it=("0039",),
        otherwise="A window could begin by a mail that nobody got",
        why=(
            "it takes the deployment's configuration set; the story shows what became of its "
            "notice where there is one"
        ),
    ),
)
