"""
Say in other channels what is said by mail: each channel by itself, each recipient by itself.

A digest is one message to one person, by mail. Here it becomes an errand for each channel that is
on and reaches them. Each channel has a thread of its own, so one that hangs holds no other; and
what was not done is named by channel and handed back, while what was done is not done again: each
errand claims what it says (send_once.py). Nothing here can hold a mail: that is another queue's,
and another function's (decision 0043).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Thread
from typing import Final, assert_never

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.errors import Gone, KeyturnError, NoSuchRecipient, NoTimeLeft, Unexpected
from keyturn.domain.events import Audience, Digest, NoticeItem, OddValues
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.period_report import PeriodReport
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.use_cases.exemption import send_change
from keyturn.use_cases.notify import send_digest
from keyturn.use_cases.notify_of_report import send_report
from keyturn.use_cases.patience import Patience
from keyturn.use_cases.send_once import SendOnce

LONGEST_CALL: Final = 20
"""Seconds that a channel may take beyond its time, for what it has begun, before it is left."""


Part = tuple[Recipient, NoticeContent]
"""Somebody in a channel, and what is said to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A channel that is on, and whom it reaches of those who are notified by mail."""

    channel: ChannelName
    audiences: frozenset[Audience]
    place: Recipient | None = None
    """Where all of it goes; None: to each recipient by the address of their mail."""

    def parts(
        self, content: NoticeContent, audience: Audience, by_mail: Recipient
    ) -> Iterator[Part]:
        """What is said by it, and to whom: all in one; nothing, if it does not reach them."""
        if audience not in self.audiences:
            return
        if isinstance(content, Digest) and not content.run.dry_run:
            # A place of several, or a program: whoever reads there, it is no owner's notice. A dry
            # run proves nothing anyway, and tells its two digests to the admin apart by this.
            content = replace(content, proves=False)
        yield self.place or Recipient(self.channel, by_mail.address), content


@dataclass(frozen=True, slots=True, kw_only=True)
class WayToOwners:
    """
    A channel that is on, and reaches the owner of each key, wherever that is.

    Each key is a message of its own, in the conversation about it: two keys in one message would
    show those of one team to another.
    """

    channel: ChannelName
    places: Callable[[NoticeItem], tuple[str, ...]]
    """Where the item's owner is reached, as far as that is known of them."""
    by_address: bool = False
    """Whether others are reached by the address of their mail."""
    says_dry_runs: bool = False

    def parts(
        self, content: NoticeContent, audience: Audience, by_mail: Recipient
    ) -> Iterator[Part]:
        """What is said by it, and to whom."""
        # The admin's copy names the keys of others. But the admin may be the owner, too, where no
        # other source has an address; then a place that is known of the key is its owner's.
        if not isinstance(content, Digest) or not content.proves:
            return
        to_owner = replace(content, audience=Audience.OWNER, failures=(), odd=OddValues())
        theirs: dict[Recipient, list[NoticeItem]] = {}
        for item in content.items:
            for to in self._to(item, audience, by_mail):
                theirs.setdefault(to, []).append(item)
        for to, items in theirs.items():
            # Nothing says that whose id stands in the owners file still answers for the key.
            said = replace(to_owner, proves=to.address == by_mail.address)
            if not content.run.dry_run:
                yield from ((to, replace(said, items=(item,))) for item in items)
            elif self.says_dry_runs:
                yield to, replace(said, items=tuple(items))

    def _to(
        self, item: NoticeItem, audience: Audience, by_mail: Recipient
    ) -> tuple[Recipient, ...]:
        places = self.places(item)
        if not places and self.by_address and audience is Audience.OWNER:
            places = (by_mail.address,)
        return tuple(Recipient(self.channel, place) for place in places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One thing to say to one recipient in one channel."""

    message: str
    """The id of the queue's message that it came in."""
    content: NoticeContent
    to: Recipient


def errands_of(
    ways: Iterable[Way | WayToOwners], admin: Recipient, message: str, content: NoticeContent
) -> list[Errand]:
    """What is to be said of one message, in each channel that is on and reaches whom it is for."""
    match content:
        case Digest():
            audience, by_mail = content.audience, content.recipient
        case ExemptionChange() | AdminDigest() | PeriodReport():
            audience, by_mail = Audience.ADMIN, admin
        case _:
            assert_never(content)
    return [
        Errand(message=message, content=part, to=to)
        for way in ways
        for to, part in way.parts(content, audience, by_mail)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What became of an errand."""

    errand: Errand
    message_id: str | None = None
    """The channel's id of what was sent now; None: nothing was."""
    error: KeyturnError | None = None

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to try again: it was said, or nobody wants to hear it."""
        return self.error is None or isinstance(self.error, (Gone, NoSuchRecipient))


@dataclass(frozen=True, slots=True, kw_only=True)
class SayInChannels:
    """Says notices in every channel that is on."""

    sender: SendOnce
    ways: tuple[Way | WayToOwners, ...]
    admin: Recipient
    """By mail; who is notified of changes of the exemption group."""
    clock: Callable[[], datetime]
    patience: Callable[[Callable[[], float]], Patience]
    """How long to wait for a channel → how it is waited."""

    def errands(self, message: str, content: NoticeContent) -> list[Errand]:
        """What is to be said of one message of the queue."""
        return errands_of(self.ways, self.admin, message, content)

    def say(self, errands: Sequence[Errand], left: Callable[[], float]) -> list[Said]:
        """
        Say what can be said in the time that is left, in seconds; what became of each comes back.

        A channel that has not come back by then is left alone: its errands count as not done, and
        what it may still do is claimed.
        """
        by_channel: dict[ChannelName, list[Errand]] = {}
        for errand in errands:
            by_channel.setdefault(errand.to.channel, []).append(errand)
        done: dict[ChannelName, list[Said]] = {name: [] for name in by_channel}
        threads = [
            # A daemon: a call that never ends must not keep the process from its end.
            Thread(target=self._in_one, args=(theirs, left, done[name]), name=name, daemon=True)
            for name, theirs in by_channel.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(left(), 0) + LONGEST_CALL)
        return [
            said
            for name, theirs in by_channel.items()
            for said in _all_of(theirs, tuple(done[name]))
        ]

    def _in_one(
        self, errands: Sequence[Errand], left: Callable[[], float], done: list[Said]
    ) -> None:
        """One channel's errands, one after the other; each gets its share of the time to wait."""
        for number, errand in enumerate(errands):
            time = left()
            if time <= 0 and number > 0:  # the first always begins, so that each call helps
                return
            end = time - time / (len(errands) - number)
            patience = self.patience(lambda end=end: max(left() - end, 0.0))  # type: ignore[misc]  # mypy sees no default
            done.append(self._one(errand, patience))

    def _one(self, errand: Errand, patience: Patience) -> Said:
        try:
            return Said(errand=errand, message_id=self._send(errand, patience))
        except KeyturnError as error:
            return Said(errand=errand, error=error)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is this errand's alone
            return Said(errand=errand, error=Unexpected(error))

    def _send(self, errand: Errand, patience: Patience) -> str | None:
        now = self.clock()
        match errand.content:
            case Digest() as digest:
                to_them = replace(digest, recipient=errand.to)
                return send_digest(self.sender, to_them, now, patience).message_id
            case ExemptionChange() as change:
                return send_change(self.sender, change, errand.to, now, patience).message_id
            case AdminDigest() | PeriodReport() as report:
                return send_report(self.sender, report, errand.to, now, patience).message_id


def _all_of(errands: Iterable[Errand], done: Sequence[Said]) -> list[Said]:
    """What became of each errand of a channel, those that were not begun or not ended too."""
    of: Mapping[int, Said] = {id(said.errand): said for said in done}
    return [
        of.get(id(errand))
        or Said(errand=errand, error=NoTimeLeft(f"{errand.to.channel}: no time was left for it"))
        for errand in errands
    ]
