"""
Which options do not go together: of two, what comes first leaves the other out.

Each command refuses two of them that are typed. What a file or a variable gives beside what is
typed is never refused for it: it is meant for other commands, or for another day.
"""

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from keyturn.cli.configuration_file import Words
from keyturn.domain.policy import Preset
from keyturn.domain.stage import PARAMETER

_Pairs = tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]

_COLLECTIONS: Final = ("deployed", "bucket", "profile", "region", "role-name")
_PERIODS: Final = ("rotation-period", "inactive-period", "recovery-grace-period")
_APART: Final[_Pairs] = (
    (("preset",), _PERIODS),
    (("folder",), (*_COLLECTIONS, "prefix", "live", "cloudtrail")),
    (("file",), (*_COLLECTIONS, "prefix")),
    (("approve",), ("user",)),
    (("live",), ("date",)),
    (("days",), ("expiry",)),
    (("secret",), ("user", "account")),
    (("key",), ("user",)),
    (("account",), ("users-target",)),
)
"""Options that no command takes together."""
_SETTINGS: Final = ("admin", "mail-region", "seal-key", "secrets-kms-key", "exemption-group")
_OF_REHEARSE: Final[_Pairs] = (
    (("deployed",), _SETTINGS),
    (("clean",), ("permissions", "only", "probes", "report", "with-account-ids")),
    (("permissions",), ("only", "report", "with-account-ids")),
    (("only",), ("story", "probes")),
)
"""Options that other commands take together."""
_DEPLOYED: Final = {"deployed": True}
_WITHOUT_CLEAN: Final[_Pairs] = ((("deployed",), ("bucket",)),)
"""A clean-up takes a bucket with the deployed functions, too."""
_NEEDS: Final[Mapping[Words, Mapping[str, tuple[str, ...]]]] = {
    ("rehearse",): {"role-name": ("account",)},
    ("advise",): {"cloudtrail": ("live",)},
    ("audit", "chain"): {"folder": ()},
}
"""Where a command refuses an option without one of others; without any: always."""
_EVERYWHERE: Final = frozenset({"quiet", "no-color", "log-format", "debug"})
_MAIL: Final = _EVERYWHERE | {
    *("templates", "admin", "organization-name", "help-link", "mail-subject-prefix")
}
_WITH_A_SNAPSHOT: Final = _EVERYWHERE | {
    *("profile", "region", "deployed", "account", "parallel", "parallel-users"),
    *("bucket", "prefix", "preset", *_PERIODS, "warn-days", "unused-period"),
    *("hold-if-used-within", "max-hold", "retire-in-use", "max-keys-per-day"),
    *("max-percent-per-day", "spread-days", "rotate-early-days", "max-exemption"),
    *("max-deferral", "proof-of-notice", "proving-channel", "format", "output", "all"),
    *("against", "help"),
}
_NOT_WITH_A_SNAPSHOT: Final = frozenset({"excel", "markdown"})
"""Formats that --against does not write."""
_OF_A_SUMMARY: Final = frozenset({None, "table", "markdown"})


@dataclass(frozen=True, slots=True)
class Others:
    """What a value stands beside: option's name → what was given."""

    before: Mapping[str, object]
    """What comes before it."""
    typed: frozenset[str]
    is_with_deployed: bool
    """Whether the same file says `deployed` besides: other commands take its settings, too."""


def rank(name: str) -> bool:
    """In which order the values of one rank are looked at: what leaves others out is first."""
    return name != "deployed"


def fitting(name: str, given: object, others: Others, words: Words) -> object | None:
    """What of a value that nobody typed has a place beside the others; None: nothing."""
    before = _set(others.before)
    own = _own_pairs(words, others.typed)
    if (
        _is_of_the_accounts(name, others.typed, before, words)
        or _is_unwritable(name, given, before)
        or _meets(name, (*_APART, *own), before)
        or (others.is_with_deployed and _meets(name, own, _DEPLOYED))
    ):
        return None
    return _of_deploy(name, given, before) if words == ("deploy",) else given


def _is_of_the_accounts(
    name: str, typed: frozenset[str], before: Mapping[str, object], words: Words
) -> bool:
    """Whether it is of no use to a command that looks at snapshots, or at mails, alone."""
    if words == ("notices",) and not {"user", "key"} & typed:
        return name not in _MAIL
    if name == "against":
        return not _can_compare(typed, before)
    return bool(before.get("against")) and name not in _WITH_A_SNAPSHOT


def without_what_they_need(
    values: Mapping[str, object], untyped: Collection[str], words: Words
) -> Iterator[str]:
    """Name what nobody typed, and the command refuses alone."""
    there = _set(values)
    for name, needed in _NEEDS.get(words, {}).items():
        if name in untyped and not {*needed} & there.keys():
            yield name


def _own_pairs(words: Words, typed: frozenset[str]) -> _Pairs:
    if words != ("rehearse",):
        return ()
    return _OF_REHEARSE if "clean" in typed else (*_OF_REHEARSE, *_WITHOUT_CLEAN)


def _set(values: Mapping[str, object]) -> dict[str, object]:
    return {name: each for name, each in values.items() if each not in (False, [])}


def _meets(name: str, pairs: _Pairs, others: Mapping[str, object]) -> bool:
    return any(
        (name in some and not others.keys().isdisjoint(apart))
        or (name in apart and not others.keys().isdisjoint(some))
        for some, apart in pairs
    )


def _can_compare(typed: frozenset[str], before: Mapping[str, object]) -> bool:
    return typed <= _WITH_A_SNAPSHOT and before.get("format") not in _NOT_WITH_A_SNAPSHOT


def _is_unwritable(name: str, given: object, before: Mapping[str, object]) -> bool:
    """Whether an answer cannot be sorted, summed up or compared in its form."""
    form = before.get("format")
    if name == "sort":
        return form == "json"
    if name == "summary":
        return form not in _OF_A_SUMMARY
    return name == "format" and (
        (given == "json" and "sort" in before)
        or (given not in _OF_A_SUMMARY and "summary" in before)
        or (given in _NOT_WITH_A_SNAPSHOT and "against" in before)
    )


def _of_deploy(name: str, given: object, before: Mapping[str, object]) -> object | None:
    """What no --parameter that comes before says already; of --parameter what no option does."""
    if name == "parameter" and isinstance(given, list):
        said = {each for option in before for each in _STAND_FOR.get(option, ())}
        return [each for each in given if _parameter(each) not in said] or None
    parameters = before.get("parameter")
    if isinstance(parameters, (list, tuple)):
        return None if {*map(_parameter, parameters)} & _STAND_FOR.get(name, set()) else given
    return given


_STAND_FOR: Final[Mapping[str, AbstractSet[str]]] = {
    "preset": Preset.NINETY.periods.keys(),
    "enforced-accounts": {PARAMETER},
}


def _parameter(text: str) -> str:
    return text.partition("=")[0]
