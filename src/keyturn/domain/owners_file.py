"""
The owners file: rules by which an administrator says who answers for which users.

The first rule that matches serves, and whole: what it leaves out is not taken from a later one.
So the specific ones stand above the general ones. Source: decision 0038.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from typing import Final

from keyturn.domain.file_problem import FileProblem
from keyturn.domain.key import Account, Unknown
from keyturn.domain.owner import OwnerChannels

_ANY: Final = "*"
_WILD: Final = frozenset({_ANY, "?"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom a rule names: at least one of these."""

    addresses: tuple[str, ...] = ()
    """E-mail addresses, as the file spells them."""
    slack_user: str | None = None
    """The member id, `U…` or `W…`."""
    slack_channel: str | None = None
    """The id, `C…` or `G…`, or `#name`."""
    jira_project: str | None = None
    """Its key."""
    jira_assignee: str | None = None
    """The account id (Cloud) or the name (Data Center)."""

    @property
    def channels(self) -> OwnerChannels | None:
        """What it names beside addresses; None: nothing."""
        found = OwnerChannels(
            slack_user=self.slack_user,
            slack_channel=self.slack_channel,
            jira_project=self.jira_project,
            jira_assignee=self.jira_assignee,
        )
        return found if found != OwnerChannels() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRule:
    """
    Which users, and their contact; what is None matches all.

    In account, path and user, `*` stands for any characters, `/` among them, and `?` for one; case
    counts, as it does in IAM's policies. No other character is special.
    """

    line: int
    """Where it begins in the file: 1 is the first line."""
    account: str | None = None
    unit: str | None = None
    """The id of a unit or root; whoever is in it or below it is meant."""
    path: str | None = None
    user: str | None = None
    contact: Contact

    def matches_account(self, account: str) -> bool:
        """Whether its pattern for accounts matches, if it has one."""
        return _matches(self.account, account)

    def matches_user(self, path: str | None, user: str) -> bool:
        """Whether its patterns match: of a path that is not known (None) each may."""
        return _matches(self.user, user) and (path is None or _matches(self.path, path))

    def covers(self, other: "OwnerRule") -> bool:
        """Whether it surely matches whatever the other one matches."""
        return (
            self.unit in {None, other.unit}
            and _covers(self.account, other.account)
            and _covers(self.path, other.path)
            and _covers(self.user, other.user)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOwners:
    """The rules of a file that can match users of one account."""

    account: str
    rules: tuple[OwnerRule, ...]
    units_are_known: bool
    """Whether anybody said below which units it is."""
    unknown_units: frozenset[str]
    """Units of rules of which nobody knows whether it is below them."""

    def contact_of(self, path: str | None, user: str) -> Contact | Unknown | None:
        """
        Whom the first matching rule names for a user.

        None: no rule matches. Unknown: before any rule that matches there is one that may, for it
        asks for a unit or a path, and nobody knows that of the account or the user.

        Args:
            path: IAM's path of the user; None: it is not known.
            user: its name.

        """
        for rule in self.rules:
            if not rule.matches_user(path, user):
                continue
            asks = f"line {rule.line} of the owners file asks for the"
            if rule.unit in self.unknown_units:
                return Unknown(f"{asks} unit {rule.unit}, and {self._lacks()}")
            if rule.path is not None and path is None:
                return Unknown(f"{asks} path {rule.path}, and that of {user} is not known")
            return rule.contact
        return None

    def _lacks(self) -> str:
        """Why a unit is unknown, and what to do about it."""
        if self.units_are_known:
            return "nobody has listed it since it was named there: the next inventory does"
        return (
            f"the units of account {self.account} are not known: name them in the event (units), "
            "or leave it to the daily run"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersFile:
    """An owners file, as far as it can be used."""

    place: str
    """The file, as people write it: an object or a path."""
    version: str = ""
    """The ETag of the object that was read: of another content it is another. For the log."""
    rules: tuple[OwnerRule, ...] = ()
    problems: tuple[FileProblem, ...] = ()
    """What was left out, or looks wrong."""

    @property
    def units(self) -> frozenset[str]:
        """The units that its rules name."""
        return frozenset(rule.unit for rule in self.rules if rule.unit is not None)

    def of_account(self, account: Account) -> AccountOwners:
        """
        Narrow the rules to those that can match in an account.

        Whether it is below a unit is known where somebody asked for that unit: the file may name
        more of them by now. Whatever else was edited meanwhile changes nothing.
        """
        below, asked = account.units, account.units_asked
        if below is None:
            unknown = self.units
        else:
            unknown = frozenset() if asked is None else self.units - asked - frozenset(below)
        rules = (rule for rule in self.rules if rule.matches_account(account.id))
        return AccountOwners(
            account=account.id,
            rules=tuple(
                rule
                for rule in rules
                if rule.unit is None or rule.unit in unknown or rule.unit in (below or ())
            ),
            units_are_known=below is not None,
            unknown_units=unknown,
        )

    def contact_of(
        self, account: Account, path: str | None, user: str
    ) -> Contact | Unknown | None:
        """Whom the first matching rule names: `of_account` and `AccountOwners.contact_of`."""
        return self.of_account(account).contact_of(path, user)


def hidden_rules(rules: Iterable[OwnerRule]) -> Iterator[FileProblem]:
    """Warn of rules that never serve, for an earlier one matches whatever they match."""
    earlier: dict[tuple[str | None, ...], list[OwnerRule]] = {}
    for rule in rules:
        # A rule can only be hidden by one that has the same account and unit, or a pattern there,
        # or nothing, and whose user begins no otherwise: of thousands of rules few are looked at.
        place, begin = _literals(rule), _begin(rule.user)
        own = (*place, begin)
        begins = [begin[:length] for length in range(len(begin) + 1)]
        near = product(*({each, None} for each in place), begins)
        hiding = next((e for key in near for e in earlier.get(key, ()) if e.covers(rule)), None)
        if hiding is not None:
            text = f"the rule never serves: line {hiding.line} matches all that it matches"
            yield FileProblem(line=rule.line, text=text, is_warning=True)
        earlier.setdefault(own, []).append(rule)


def diverting_rules(rules: Sequence[OwnerRule]) -> Iterator[FileProblem]:
    """
    Warn of rules without addresses above one with addresses that may match the same users.

    The first rule that matches serves, and whole: the mails of these users go to the sources
    behind the file, and never to the later rule.
    """
    mailing = [rule for rule in rules if rule.contact.addresses]
    for rule in rules:
        if rule.contact.addresses:
            continue
        later = (each for each in mailing if each.line > rule.line)
        below = next((each for each in later if _meet(rule, each)), None)
        if below is not None:
            text = (
                "the rule has no addresses, so it takes mails away from line "
                f"{below.line}: those of users whom both match go to the sources behind the file "
                "(the account's contacts, or its address). If line "
                f"{below.line} is to get them, repeat its addresses here"
            )
            yield FileProblem(line=rule.line, text=text, is_warning=True)


def _meet(one: OwnerRule, other: OwnerRule) -> bool:
    """Whether both may match one user; of two units nobody here knows which is in which."""
    return (
        _can_meet(one.account, other.account)
        and _can_meet(one.user, other.user)
        and _can_meet(one.path, other.path)
    )


def _can_meet(one: str | None, other: str | None) -> bool:
    """Whether some text matches both patterns."""
    if one is None or other is None or one == other:
        return True
    if not (set(one) & _WILD or set(other) & _WILD):
        return False
    # Where in the other pattern one may be after each character of the first.
    places = _passed({0}, other)
    for sign in one:
        if sign == _ANY:
            places = set(range(min(places), len(other) + 1)) if places else places
            continue
        places = _passed(
            {
                at if other[at] == _ANY else at + 1
                for at in places
                if at < len(other) and (other[at] in {sign, *_WILD} or sign == "?")
            },
            other,
        )
    return len(other) in places


def _passed(places: set[int], pattern: str) -> set[int]:
    """These places, and those behind a `*` of the pattern, which may be no text at all."""
    found: set[int] = set()
    for place in places:
        rest = pattern[place:]
        found.update(range(place, place + len(rest) - len(rest.lstrip(_ANY)) + 1))
    return found


def _literals(rule: OwnerRule) -> tuple[str | None, ...]:
    """Account and unit of a rule, as far as each means one alone."""
    return tuple(
        None if text is None or set(text) & {"*", "?"} else text
        for text in (rule.account, rule.unit)
    )


def _begin(pattern: str | None) -> str:
    """What each text begins with that the pattern matches."""
    return re.split(r"[*?]", pattern or "", maxsplit=1)[0]


def _matches(pattern: str | None, text: str) -> bool:
    return pattern is None or fnmatchcase(text, _without_sets(pattern))


def _covers(pattern: str | None, other: str | None) -> bool:
    """Whether a pattern surely matches whatever another one matches."""
    if pattern is None or pattern == _ANY:
        return True
    # A `*` of the other one may be any text, so nothing but a `*` may stand for it.
    return other is not None and fnmatchcase(other, _without_sets(pattern).replace("?", "[!*]"))


def _without_sets(pattern: str) -> str:
    """The pattern for `fnmatch`, which takes brackets for a set of characters."""
    return pattern.replace("[", "[[]")
