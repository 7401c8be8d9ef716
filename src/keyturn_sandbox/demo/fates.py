"""What became of each mail, by the receipts in the bucket, as `keyturn explain` says it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from keyturn.domain.reading import read_json
from keyturn.schemas.mail_fate import FateFile
from keyturn.schemas.receipt import ASIDE, BOUNCED, CLAIM_SIZE, DELIVERED, MISSED, ReceiptFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What happened to a mail: accepted, delivered, or another word of docs/events.md."""

    word: str
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of a mail."""

    channel: str
    turns: tuple[Turn, ...]
    """The acceptance first."""
    is_void: bool
    """Whether it proves nothing, for nobody reads it."""

    @property
    def last(self) -> Turn:
        """How it ended, as far as anybody heard."""
        return self.turns[-1]

    def __str__(self) -> str:
        """As the page says it."""
        first, *later = self.turns
        said = f"{first.word} {first.at:%Y-%m-%d %H:%M}"
        for turn in later:
            same_day = turn.at.date() == first.at.date()
            said += f", {turn.word} {turn.at:{'%H:%M' if same_day else '%Y-%m-%d %H:%M'}}"
        why = f" ({self.last.why})" if self.last.why else ""
        return f"{said}{why}{': it proves nothing' if self.is_void else ''}"


def fates_of(objects: Mapping[str, bytes], *, prefix: str) -> Mapping[str, Fate]:
    """Message id → what became of the mail; objects: name → what the bucket holds."""
    folder = f"{prefix}/receipts/"
    found: dict[str, Fate] = {}
    for name, body in objects.items():
        below = name.removeprefix(folder)
        is_json = below != name and below.endswith(".json") and len(body) > CLAIM_SIZE
        if is_json and below.split("/")[0] not in ASIDE:
            receipt: ReceiptFile = read_json(body)
            found[receipt["message_id"]] = Fate(
                channel=receipt["channel"],
                turns=(
                    Turn(word="accepted", at=_time(receipt["time"])),
                    *_turns(objects, name),
                ),
                is_void=name + BOUNCED in objects,
            )
    return found


def _turns(objects: Mapping[str, bytes], receipt: str) -> Iterator[Turn]:
    # A mail that arrived did, whatever else was said of it; what voids it has the last word.
    for ending in (MISSED, DELIVERED, BOUNCED):
        if (stored := objects.get(receipt + ending)) is not None:
            fate: FateFile = read_json(stored)
            why = "" if ending == DELIVERED else fate["why"]
            yield Turn(word=str(fate["fate"]), at=_time(fate["time"]), why=why)


def _time(text: object) -> datetime:
    return datetime.fromisoformat(str(text))
