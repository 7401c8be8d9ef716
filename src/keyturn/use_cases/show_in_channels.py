"""Show what the channels beside mail would say of a notice: written by them, and not sent."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from keyturn.domain.events import Digest
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import Channel
from keyturn.ports.sending import Outbox
from keyturn.use_cases.channels import Way, WayToOwners, errands_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowInChannels:
    """Every channel, with an outbox where its server would be."""

    channels: Mapping[ChannelName, Channel]
    ways: tuple[Way | WayToOwners, ...]
    admin: Recipient
    outbox: Outbox

    def messages(self, content: NoticeContent) -> Iterator[tuple[ChannelName, Mapping[str, Any]]]:
        """Each message in each channel that says it, as JSON: what kind of it → its body."""
        for errand in errands_of(self.ways, self.admin, "", content):
            to, said = errand.to, errand.content
            if isinstance(said, Digest):
                said = replace(said, recipient=to)
            rendered = self.channels[to.channel].render(said, to)
            yield to.channel, self.outbox.sent_by(rendered.send)
