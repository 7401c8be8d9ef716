"""
The functions' zips as one file of parts, in which what several zips hold stands once.

All five zips hold boto3, so together they are four times as large as what they hold; and what is
packed cannot be packed again. Here each zip is cut where an entry begins, and equal pieces are
stored once. Joined, a zip is the same again, byte by byte (docs/decisions/0087).
"""

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from itertools import pairwise
from typing import cast

from keyturn.deployment.model.package import checksum_of
from keyturn.domain.errors import DeploymentFailed

Span = tuple[int, int]
"""From where to where, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipParts:
    """The pieces of some zips, and of which pieces each of them is made."""

    pieces: bytes = field(repr=False)
    spans: Mapping[str, tuple[Span, ...]]
    """File name → where its pieces are, in their order."""
    checksums: Mapping[str, str]
    """File name → the SHA-256 of the whole zip, in hex."""

    @classmethod
    def cut(cls, zips: Mapping[str, bytes]) -> "ZipParts":
        """Cut zips, file name → content, into pieces."""
        pieces = bytearray()
        known: dict[bytes, Span] = {}
        spans: dict[str, tuple[Span, ...]] = {}
        for name, whole in zips.items():
            found: list[Span] = []
            for start, end in pairwise(_cuts(whole)):
                piece = whole[start:end]
                if piece not in known:
                    known[piece] = (len(pieces), len(pieces) + len(piece))
                    pieces += piece
                found.append(known[piece])
            spans[name] = tuple(_merged(found))
        checksums = {name: checksum_of(whole) for name, whole in zips.items()}
        return cls(pieces=bytes(pieces), spans=spans, checksums=checksums)

    @classmethod
    def read(cls, index: str, pieces: bytes) -> "ZipParts":
        """
        Read what `write_index` wrote, beside the pieces.

        Raises DeploymentFailed where that is damaged.
        """
        try:
            entries = cast("Mapping[str, Mapping[str, object]]", json.loads(index))
            spans = {
                name: tuple(
                    (int(start), int(end))
                    for start, end in cast("list[tuple[int, int]]", entry["pieces"])
                )
                for name, entry in entries.items()
            }
            checksums = {name: str(entry["sha256"]) for name, entry in entries.items()}
        except (AttributeError, KeyError, TypeError, ValueError):
            raise DeploymentFailed(_damaged("the list of the functions' zips")) from None
        return cls(pieces=pieces, spans=spans, checksums=checksums)

    def write_index(self) -> str:
        """All but the pieces, as JSON."""
        index = {
            name: {"sha256": self.checksums[name], "pieces": spans}
            for name, spans in self.spans.items()
        }
        return json.dumps(index, separators=(",", ":"))

    def join(self, name: str) -> bytes:
        """
        Put a zip together again.

        Raises DeploymentFailed if that is not the zip that was cut: who deploys gives this code
        to functions that may write to every account.
        """
        whole = b"".join(self.pieces[start:end] for start, end in self.spans.get(name, ()))
        if checksum_of(whole) != self.checksums.get(name):
            raise DeploymentFailed(_damaged(name))
        return whole


def _cuts(whole: bytes) -> list[int]:
    """Where each entry begins, and the end; the list at a zip's end belongs to the last entry."""
    with zipfile.ZipFile(BytesIO(whole)) as archive:
        starts = {entry.header_offset for entry in archive.infolist()}
    return sorted({0, len(whole)} | starts)


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """The same, with spans that follow each other as one."""
    held: Span | None = None
    for start, end in spans:
        if held is not None and held[1] == start:
            held = (held[0], end)
            continue
        if held is not None:
            yield held
        held = (start, end)
    if held is not None:
        yield held


def _damaged(what: str) -> str:
    return f"{what} is not what was built into this Keyturn: install it again"
