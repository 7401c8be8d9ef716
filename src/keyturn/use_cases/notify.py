"""Send a digest to its recipient: what of it they have not been sent yet, in one message."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.domain.events import Digest, NoticeItem, OddValues
from keyturn.use_cases.mail_fate import Reachable
from keyturn.use_cases.patience import Patience
from keyturn.use_cases.send_once import SendOnce, Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Sends one recipient one digest."""

    sender: SendOnce
    reachable: Reachable

    def send(
        self,
        digest: Digest,
        now: datetime,
        patience: Patience,
        *,
        is_first_try: bool = False,
    ) -> Sent[NoticeItem | None]:
        """
        Send what of the digest has not been sent yet. Raises what `SendOnce.send` raises.

        is_first_try: as far as is known, nobody has tried to send it before.

        Returns what was sent now: None among its parts is the failures, or a whole dry run. Of a
        digest that would prove that somebody was notified, nothing is sent to who cannot be
        reached; the next run notifies whom else it finds. Also raises a PortError where what was
        sent before cannot be read; nothing was sent then.
        """
        sent = self.reachable.sent if digest.proves else self.reachable.sent_or_marked
        return sent(
            digest.recipient,
            now,
            lambda: send_digest(self.sender, digest, now, patience, is_first_try=is_first_try),
        )


def send_digest(
    sender: SendOnce,
    digest: Digest,
    now: datetime,
    patience: Patience,
    *,
    is_first_try: bool = False,
) -> Sent[NoticeItem | None]:
    """Send what of a digest its recipient has not been sent yet, by their channel; likewise."""
    wanted = _wanted(digest)
    return sender.send(
        wanted,
        digest.recipient,
        now,
        claim=sender.book.claims_of(digest, wanted, now, is_first_try=is_first_try),
        write=lambda items: _only(digest, items),
        patience=patience,
    )


def _wanted(digest: Digest) -> list[NoticeItem | None]:
    """What is told once: each item, and all that went wrong; a dry run as a whole."""
    went_wrong = digest.failures or digest.odd.count
    if not digest.items and not went_wrong:
        return []
    if digest.run.dry_run:
        return [None]
    return [*digest.items, *([None] if went_wrong else [])]


def _only(digest: Digest, claimed: Sequence[NoticeItem | None]) -> Digest:
    """The digest with what is claimed, and nothing else."""
    if digest.run.dry_run:
        return digest
    return replace(
        digest,
        items=tuple(item for item in claimed if item is not None),
        failures=digest.failures if None in claimed else (),
        odd=digest.odd if None in claimed else OddValues(),
    )
