"""Send a digest to its recipient: what of it they have not been sent yet, in one message."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.domain.events import Digest, NoticeItem
from keyturn.use_cases.send_once import SendOnce


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """What came of a digest."""

    told: tuple[NoticeItem, ...] = ()
    message_id: str | None = None
    """None: no message went out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Tells one recipient one digest."""

    sender: SendOnce

    def send(self, digest: Digest, now: datetime) -> SendResult:
        """Tell what of the digest has not been told yet. Raises what `SendOnce.send` raises."""
        sent = self.sender.send(
            _wanted(digest),
            digest.recipient,
            now,
            claim=lambda item: self.sender.book.claim(digest, item, now),
            write=lambda items: _only(digest, items),
        )
        if sent.message_id is None:
            return SendResult()
        return SendResult(told=_only(digest, sent.parts).items, message_id=sent.message_id)


def _wanted(digest: Digest) -> list[NoticeItem | None]:
    """What is told once on its own: each item and the failures; a dry run as a whole."""
    if not digest.items and not digest.failures:
        return []
    if digest.run.dry_run:
        return [None]
    return [*digest.items, *([None] if digest.failures else [])]


def _only(digest: Digest, claimed: Sequence[NoticeItem | None]) -> Digest:
    """The digest with what is claimed, and nothing else."""
    if digest.run.dry_run:
        return digest
    return replace(
        digest,
        items=tuple(item for item in claimed if item is not None),
        failures=digest.failures if None in claimed else (),
    )
