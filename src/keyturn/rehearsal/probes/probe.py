"""
What a probe is: one behaviour of AWS that Keyturn relies on, and how it is tried.

A probe's function returns what it saw, in a few words, where AWS behaves as it should. It raises
Different where AWS does not, and NotTried where it cannot tell. Whatever AWS answers besides is
judged in one place, `outcome.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from keyturn.rehearsal.probes.bench import Bench

Try = Callable[[Bench], str]
"""Tries a behaviour, and says what was seen. Raises Different, NotTried, or botocore's errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliance:
    """A behaviour of AWS that Keyturn relies on."""

    name: str
    claim: str
    source: str
    """AWS's own page."""
    rests_on_it: tuple[str, ...]
    """What relies on it: files below src/keyturn, or the numbers of decisions."""
    otherwise: str
    """What it would mean were AWS to behave in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Reliance):
    """A behaviour that can be tried, on things that are thrown away afterwards."""

    actions: tuple[str, ...]
    """The actions that it takes, as IAM spells them."""
    run: Try


@dataclass(frozen=True, slots=True, kw_only=True)
class Unprobed(Reliance):
    """A behaviour that no probe tries."""

    why: str
    """Why it cannot be tried in minutes, within one account, without harm."""
