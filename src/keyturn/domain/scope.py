"""Which accounts of an organisation are looked after, and which are left out on purpose."""

from dataclasses import dataclass


def separated(text: str) -> tuple[str, ...]:
    """The values of a list that is written with commas, each once, in order."""
    parts = (part.strip() for part in text.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The units whose accounts are looked after (none: all), and what of them is left out."""

    units: tuple[str, ...] = ()
    """Ids of organizational units, `ou-…`, or of the root, `r-…`."""
    excluded_accounts: tuple[str, ...] = ()
    """Account ids, 12 digits each."""
    excluded_units: tuple[str, ...] = ()
    """Likewise ids of units; what is below them is left out too."""

    @property
    def needs_units(self) -> bool:
        """Whether the organisation's units decide; then an account's id alone says nothing."""
        return bool(self.units or self.excluded_units)


EVERYWHERE = Scope()
