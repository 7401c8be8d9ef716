"""Claim, send, note down: each thing is told once, and what was told can be proved."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.domain.errors import KeyturnError, NotAllTold, PortError, Unavailable
from keyturn.domain.events import Digest, NoticeItem
from keyturn.ports import Claim, Mailer, ReceiptBook, Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What came of a digest."""

    told: tuple[NoticeItem, ...] = ()
    message_id: str | None = None
    """None: no mail went out."""


@dataclass(frozen=True, slots=True)
class _Claims:
    """What of a digest is ours to tell now, and why the rest is not."""

    digest: Digest
    claims: tuple[Claim, ...]
    errors: tuple[KeyturnError, ...]


@dataclass(frozen=True, slots=True)
class Notify:
    """Tells one address one digest."""

    book: ReceiptBook
    mailer: Mailer
    renderer: Renderer
    channel: str = "email"

    def tell(self, digest: Digest, now: datetime) -> Telling:
        """
        Tell what of the digest has not been told yet.

        Raises why not all of it could be told; to try again is safe. Refused and Throttled:
        nobody was told. Unavailable: nobody knows; the claims stay, so that it is not sent again
        at once. NotAllTold: a part was left to another notifier, or was sent and could not be
        noted down, and then its claim stays too.
        """
        ours = self._claim(digest, now)
        if not ours.claims:
            _raise_if_any(ours.errors)
            return Telling()

        try:
            mail = self.renderer.digest(ours.digest)
        except Exception as error:
            self._release(ours, error)
            raise

        try:
            message_id = self.mailer.send(digest.address, mail)
        except Unavailable as error:
            _note(error, ours.errors)
            raise
        except PortError as error:
            self._release(ours, error)
            _note(error, ours.errors)
            raise

        unnoted = _each(
            ours.claims,
            lambda claim: self.book.confirm(
                claim,
                channel=self.channel,
                address=digest.address,
                message_id=message_id,
                now=now,
            ),
        )
        _raise_if_any([*unnoted, *ours.errors])
        return Telling(told=ours.digest.items, message_id=message_id)

    def _claim(self, digest: Digest, now: datetime) -> _Claims:
        """Claim all that can be claimed; one item in another's hands does not hold the rest."""
        claims: list[tuple[NoticeItem | None, Claim]] = []
        errors: list[KeyturnError] = []
        for item in _wanted(digest):
            try:
                claim = self.book.claim(digest, item, now)
            except KeyturnError as error:
                errors.append(error)
            else:
                if claim is not None:
                    claims.append((item, claim))
        return _Claims(
            _what_is_claimed(digest, [item for item, _ in claims]),
            tuple(claim for _, claim in claims),
            tuple(errors),
        )

    def _release(self, ours: _Claims, because: Exception) -> None:
        """Give the claims back; one that stays is only tried again later."""
        _note(because, _each(ours.claims, self.book.release))


def _wanted(digest: Digest) -> list[NoticeItem | None]:
    """What is told once on its own: each item and the failures; a dry run as a whole."""
    if not digest.items and not digest.failures:
        return []
    if digest.run.dry_run:
        return [None]
    return [*digest.items, *([None] if digest.failures else [])]


def _what_is_claimed(digest: Digest, claimed: Sequence[NoticeItem | None]) -> Digest:
    if digest.run.dry_run:
        return digest
    return replace(
        digest,
        items=tuple(item for item in claimed if item is not None),
        failures=digest.failures if None in claimed else (),
    )


def _each(claims: Iterable[Claim], do: Callable[[Claim], None]) -> list[KeyturnError]:
    """Do it for each claim, whatever comes of the others."""
    errors: list[KeyturnError] = []
    for claim in claims:
        try:
            do(claim)
        except KeyturnError as error:
            errors.append(error)
    return errors


def _note(error: Exception, others: Iterable[KeyturnError]) -> None:
    for other in others:
        error.add_note(f"and: {other}")


def _raise_if_any(errors: Sequence[KeyturnError]) -> None:
    if errors:
        raise NotAllTold(errors) from errors[0]
