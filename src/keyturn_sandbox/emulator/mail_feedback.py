"""
What SES does with a mail after it has taken it: suppression list, configuration sets, events.

moto's SES has no suppression list, delivers every mail, and publishes nothing. Sources, all below
https://docs.aws.amazon.com/ses/latest/: dg/monitoring-eventbridge.html (the events),
dg/event-publishing-retrieving-firehose-contents.html (their parts), dg/send-an-email-from-console
.html (the mailbox simulator), dg/sending-email-suppression-list.html, APIReference-V2/.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from keyturn_sandbox.emulator.event_bus import EventBus, envelope
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, Params

_SIMULATOR: Final = "simulator.amazonses.com"
_DELIVERY: Final = "DELIVERY"
_KINDS: Final = {
    _DELIVERY: ("Email Delivered", "Delivery", "delivery"),
    "BOUNCE": ("Email Bounced", "Bounce", "bounce"),
    "COMPLAINT": ("Email Complaint Received", "Complaint", "complaint"),
}
"""What a destination matches → the event's detail-type, its eventType, and its own part."""

_Place = tuple[str, str]
"""Account and region: SES keeps all of this for each of them."""
_Happened = tuple[str, Params]
"""What a destination matches, and the part of the event that says what happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenMail:
    """A mail, as far as what SES says of it later."""

    message_id: str
    at: datetime
    sender: str
    to: Sequence[str]
    configuration_set: str | None
    tags: Mapping[str, str]


@dataclass(slots=True)
class MailFeedback:
    """Answers the calls about all that, and says on the default bus what became of mails."""

    bus: EventBus
    dead: set[str] = field(default_factory=set)
    """Addresses that no longer exist."""
    full: set[str] = field(default_factory=set)
    """Mailboxes that take nothing more for now."""
    annoyed: set[str] = field(default_factory=set)
    """Addresses of people who call each mail spam."""
    suppressed: dict[tuple[_Place, str], tuple[str, datetime]] = field(default_factory=dict)
    """Place and address → why, and since when."""
    sets: dict[tuple[_Place, str], dict[str, Params]] = field(default_factory=dict)
    """Place and configuration set → its event destinations, by their names."""

    def answers(self) -> Mapping[str, Callable[[ApiRequest], Params]]:
        """The calls that are answered here: operation → what answers it."""
        return {
            "CreateConfigurationSet": self._create_set,
            "CreateConfigurationSetEventDestination": self._create_destination,
            "PutSuppressedDestination": self._put_suppressed,
            "GetSuppressedDestination": self._get_suppressed,
            "DeleteSuppressedDestination": self._delete_suppressed,
        }

    def check(self, request: ApiRequest, configuration_set: str | None) -> None:
        """Refuse a mail whose configuration set does not exist."""
        if configuration_set is not None:
            self._destinations(request, configuration_set)

    def publish(self, request: ApiRequest, mail: TakenMail) -> None:
        """Let each recipient's mail server have the mail, and say what became of it."""
        for address in mail.to:
            for kind, happened in self._happens(request, address, mail):
                self._tell(request, mail, kind, happened)

    def _happens(self, request: ApiRequest, address: str, mail: TakenMail) -> list[_Happened]:
        name, _, domain = address.lower().partition("@")
        known = (_place(request), address.lower())
        if known in self.suppressed:
            return [_never_sent(address, self.suppressed[known][0])]
        if domain == _SIMULATOR:  # its addresses never get onto the list of the account
            return _simulated(name.partition("+")[0], address)
        if address.lower() in self.dead:
            self.suppressed[known] = ("BOUNCE", mail.at)
            return [_bounce(address, "Permanent", "General", "smtp; 550 5.1.1 user unknown")]
        if address.lower() in self.annoyed:
            self.suppressed[known] = ("COMPLAINT", mail.at)
            return [_delivery(address), _complaint(address, complaintFeedbackType="abuse")]
        if address.lower() in self.full:
            return [_bounce(address, "Transient", "MailboxFull", "smtp; 452 4.2.2 mailbox full")]
        return [_delivery(address)]

    def _tell(self, request: ApiRequest, mail: TakenMail, kind: str, happened: Params) -> None:
        if mail.configuration_set is None:
            return
        detail_type, event_type, part = _KINDS[kind]
        moment = mail.at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        detail: dict[str, Any] = {
            "eventType": event_type,
            "mail": {
                "timestamp": moment,
                "messageId": mail.message_id,
                "source": mail.sender,
                "destination": list(mail.to),
                "tags": {
                    "ses:configuration-set": [mail.configuration_set],
                    **{name: [value] for name, value in mail.tags.items()},
                },
            },
            part: {"timestamp": moment, **happened},
        }
        for destination in self._destinations(request, mail.configuration_set).values():
            if destination["Enabled"] and kind in destination["MatchingEventTypes"]:
                event = envelope(
                    account=request.account,
                    region=request.region,
                    source="aws.ses",
                    detail_type=detail_type,
                    at=mail.at,
                    detail=detail,
                )
                self.bus.receive(
                    event, destination["EventBridgeDestination"]["EventBusArn"], mail.at
                )

    # Configuration sets

    def _create_set(self, request: ApiRequest) -> Params:
        key = (_place(request), request.params["ConfigurationSetName"])
        if key in self.sets:
            raise ApiError("AlreadyExistsException", f"Configuration set <{key[1]}> exists.")
        self.sets[key] = {}
        return {}

    def _create_destination(self, request: ApiRequest) -> Params:
        params, wanted = request.params, request.params["EventDestination"]
        bus = wanted.get("EventBridgeDestination", {}).get("EventBusArn", "")
        if not bus.endswith(":event-bus/default"):
            # No other is supported: APIReference-V2/API_EventBridgeDestination.html
            raise ApiError("BadRequestException", "Only the default event bus is supported.")
        destinations = self._destinations(request, params["ConfigurationSetName"])
        destinations[params["EventDestinationName"]] = {"Enabled": False, **wanted}
        return {}

    def _destinations(self, request: ApiRequest, name: str) -> dict[str, Params]:
        found = self.sets.get((_place(request), name))
        if found is None:
            raise ApiError(
                "NotFoundException", f"Configuration set <{name}> does not exist.", status=404
            )
        return found

    # The suppression list

    def _put_suppressed(self, request: ApiRequest) -> Params:
        self.suppressed[_listed(request)] = (request.params["Reason"], request.at)
        return {}

    def _get_suppressed(self, request: ApiRequest) -> Params:
        found = self.suppressed.get(_listed(request))
        if found is None:
            raise _not_listed(request)
        reason, since = found
        address = request.params["EmailAddress"]
        return {
            "SuppressedDestination": {
                "EmailAddress": address,
                "Reason": reason,
                "LastUpdateTime": since,
            }
        }

    def _delete_suppressed(self, request: ApiRequest) -> Params:
        if self.suppressed.pop(_listed(request), None) is None:
            raise _not_listed(request)
        return {}


def _place(request: ApiRequest) -> _Place:
    return request.account, request.region


def _listed(request: ApiRequest) -> tuple[_Place, str]:
    return _place(request), request.params["EmailAddress"].lower()


def _not_listed(request: ApiRequest) -> ApiError:
    address = request.params["EmailAddress"]
    said = f"Email address {address} does not exist on your suppression list."
    return ApiError("NotFoundException", said, status=404)


def _simulated(name: str, address: str) -> list[_Happened]:
    match name:
        case "bounce":
            return [_bounce(address, "Permanent", "General", "smtp; 550 5.1.1 user unknown")]
        case "suppressionlist":
            return [_bounce(address, "Permanent", "Suppressed", "")]
        case "complaint":
            return [_delivery(address), _complaint(address, complaintFeedbackType="abuse")]
    return [_delivery(address)]


def _never_sent(address: str, reason: str) -> _Happened:
    sub_type = "OnAccountSuppressionList"
    if reason == "COMPLAINT":
        return _complaint(address, complaintSubType=sub_type)
    return _bounce(address, "Permanent", sub_type, "Amazon SES did not send the message")


def _bounce(address: str, kind: str, sub_type: str, said: str) -> _Happened:
    return "BOUNCE", {
        "bounceType": kind,
        "bounceSubType": sub_type,
        "bouncedRecipients": [{"emailAddress": address, "diagnosticCode": said}],
        "feedbackId": str(uuid4()),
    }


def _complaint(address: str, **more: str) -> _Happened:
    return "COMPLAINT", {
        "complainedRecipients": [{"emailAddress": address}],
        "complaintSubType": None,
        "feedbackId": str(uuid4()),
        **more,
    }


def _delivery(address: str) -> _Happened:
    return _DELIVERY, {
        "recipients": [address],
        "smtpResponse": "250 2.6.0 Message received",
        "processingTimeMillis": 500,
    }
