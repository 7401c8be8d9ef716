"""
What would let a user stop having keys: a verdict with its evidence, and how sure it is.

The first case of `CASES` that has something to say decides. A fact proves only what it says: the
last use names one call, a user agent is the caller's own word, and names and tags are chosen by
whoever may change the user. What is unknown is never taken for "never". See decision 0069.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from keyturn.domain.amounts import pluralize
from keyturn.domain.key import LastUse
from keyturn.domain.origin import CI_TITLES, Ci, Origin, Place

OLD_ENOUGH: Final = 30
"""Days: of a younger key nobody can say that it is never used."""
UNUSED_FOR: Final = 90
"""Days without a use: then nothing that runs once a month or a quarter is missed."""


class Kind(StrEnum):
    """What a user is, as to what takes the place of their keys."""

    INACTIVE = "inactive"
    NEVER_USED = "never-used"
    UNUSED = "unused"
    CONSOLE_ONLY = "console-only"
    CI = "ci"
    IN_AWS = "in-aws"
    PERSON = "person"
    SES_SMTP = "ses-smtp"
    ELSEWHERE = "elsewhere"
    SEVERAL = "several"
    NOT_KNOWN = "not-known"


class Sureness(StrEnum):
    """How far the evidence goes."""

    PROVED = "proved"
    """By AWS's own record."""
    LIKELY = "likely"
    """What was seen fits, and nothing speaks against it: confirm it with the owner."""
    POSSIBLE = "possible"
    """A hint that somebody may have made, or one call alone: ask the owner."""
    UNKNOWN = "unknown"


class Source(StrEnum):
    """What a piece of evidence was read in."""

    KEYS = "keys"
    LAST_USE = "last-use"
    SIGN_IN = "sign-in"
    CLOUDTRAIL = "cloudtrail"
    SETTING = "setting"
    NAME = "name"
    PATH = "path"
    TAG = "tag"
    OWNER = "owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Something that was read, and what it says."""

    source: Source
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyKnown:
    """What is known of a key."""

    key_id: str
    age: int
    """In days."""
    is_active: bool
    last_use: LastUse | None = None
    """None: not known, which is not "never"."""
    read_on: date | None = None
    """The day on which that was read, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """How many calls came from a place."""

    origin: Origin
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserKnown:
    """All that is known of a user."""

    account: str
    account_name: str = ""
    user: str
    on: date
    """The day that this is of, UTC."""
    keys: tuple[KeyKnown, ...]
    exempt: bool = False
    owner: str = ""
    password_used: date | None = None
    """When they last signed in to the console; None: never, or nobody looked."""
    path: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    is_smtp: bool = False
    """Whether the operators' setting says that they send mail by SMTP."""
    calls: tuple[Calls, ...] = ()
    """By CloudTrail, of its last 90 days."""
    are_calls_whole: bool = False
    """Whether all that CloudTrail has was looked at, in the places that were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What would let a user stop having keys."""

    user: UserKnown
    kind: Kind
    sureness: Sureness
    evidence: tuple[Evidence, ...]
    ci: Ci | None = None

    @property
    def keys(self) -> int:
        """How many keys it would end."""
        return len(self.user.keys)

    @property
    def oldest(self) -> int:
        """Days, of the oldest key."""
        return max((key.age for key in self.user.keys), default=0)


EFFORT: Final[Mapping[Kind, int]] = {
    Kind.INACTIVE: 1,
    Kind.NEVER_USED: 1,
    Kind.UNUSED: 1,
    Kind.CONSOLE_ONLY: 1,
    Kind.CI: 2,
    Kind.IN_AWS: 2,
    Kind.PERSON: 2,
    Kind.SES_SMTP: 3,
    Kind.ELSEWHERE: 3,
    Kind.SEVERAL: 4,
    Kind.NOT_KNOWN: 4,
}
"""1: nothing is built; 2: a role; 3: a change of how something works; 4: first find out."""
RANKED_BY: Final = (
    "Ranked by keys ended for the effort (1 nothing is built, 2 a role, 3 a change of how it "
    "works, 4 first find out), then the surer, then the older. Privileges are not known."
)
_SURENESS: Final = tuple(Sureness)


def rank(advice: Advice) -> tuple[object, ...]:
    """Small is first: the most keys for the least effort, then the surer, then the older."""
    return (
        advice.kind is Kind.NOT_KNOWN,
        *short_rank(advice),
        -advice.oldest,
        advice.user.account,
        advice.user.user,
    )


def short_rank(advice: Advice) -> tuple[float, int]:
    """The first parts of the rank; then the older is first."""
    return -advice.keys / EFFORT[advice.kind], _SURENESS.index(advice.sureness)


def advise(user: UserKnown) -> Advice | None:
    """The first case that has something to say; None: the user has no key."""
    if not user.keys:
        return None
    return next((found for case in CASES if (found := case(user))), _not_known(user))


# --- the cases -----------------------------------------------------------------------------------


def all_are_inactive(user: UserKnown) -> Advice | None:
    """Nobody can use an Inactive key."""
    if any(key.is_active for key in user.keys):
        return None
    says = f"IAM has {pluralize(len(user.keys), 'key')}, Inactive"
    return _advice(user, Kind.INACTIVE, Sureness.PROVED, Evidence(source=Source.KEYS, says=says))


def nobody_uses_them(user: UserKnown) -> Advice | None:
    """
    Every Active key's last use is known, as of today, and there is none of late.

    It stands before all that guesses, and it alone may say "never": a last use that is not known,
    or was read on an earlier day, may hide one. A call that CloudTrail has says more than IAM.
    """
    active = [key for key in user.keys if key.is_active]
    if user.calls or not all(_is_unused(key, user.on) for key in active):
        return None
    used = [each for key in active if (each := key.last_use) and each.at is not None]
    if used:
        last = max(each.at for each in used if each.at)
        says = f"IAM's last use of any of its Active keys is of {last.date().isoformat()}"
    else:
        says = f"IAM knows no use of {pluralize(len(active), 'Active key')}"
    evidence = [Evidence(source=Source.LAST_USE, says=f"{says}, read on {user.on.isoformat()}")]
    if _signs_in(user):
        evidence.append(_password(user))
        return _advice(user, Kind.CONSOLE_ONLY, Sureness.PROVED, *evidence)
    kind = Kind.UNUSED if used else Kind.NEVER_USED
    return _advice(user, kind, Sureness.PROVED, *evidence)


def called_from_one_kind_of_place(user: UserKnown) -> Advice | None:
    """CloudTrail's calls, by where they came from; what came from nowhere known is no proof."""
    places = {each.origin.place for each in user.calls}
    known = places - {Place.NOT_KNOWN}
    if not known:
        return None
    evidence = tuple(_calls(user))
    systems = {each.origin.ci for each in user.calls if each.origin.ci}
    if known - {Place.OUTSIDE} > {Place.CI} or len(systems) > 1:
        return _advice(user, Kind.SEVERAL, Sureness.LIKELY, *evidence)
    if Place.CI in known:
        # Its own action names itself, the programs it starts do not: hosted ones are outside.
        [system] = systems
        sure = Sureness.LIKELY if user.are_calls_whole else Sureness.POSSIBLE
        return _advice(user, Kind.CI, sure, *evidence, ci=system)
    if len(known) > 1 and known != {Place.PERSON, Place.OUTSIDE}:
        return _advice(user, Kind.SEVERAL, Sureness.LIKELY, *evidence)
    kind = _OF_PLACE[Place.PERSON if Place.PERSON in known else min(known)]
    is_whole = user.are_calls_whole and places == known
    if kind is Kind.PERSON:
        # Some build machines are Macs or run Windows, too.
        sure = Sureness.LIKELY if is_whole and _signs_in(user) else Sureness.POSSIBLE
        more = (_password(user),) if _signs_in(user) else ()
        return _advice(user, kind, sure, *evidence, *more)
    return _advice(user, kind, Sureness.LIKELY if is_whole else Sureness.POSSIBLE, *evidence)


_OF_PLACE: Final = {
    Place.IN_AWS: Kind.IN_AWS,
    Place.PERSON: Kind.PERSON,
    Place.OUTSIDE: Kind.ELSEWHERE,
}


def sends_mail(user: UserKnown) -> Advice | None:
    """
    The last call of every key that was used was SES's.

    SMTP leaves nothing in CloudTrail. One call does not speak for all; the operators' setting, and
    the name that SES's console gives, say that it is for SMTP.
    """
    uses = [each for key in user.keys if (each := key.last_use) and each.at is not None]
    if not uses or any(each.service != "ses" for each in uses):
        return None
    evidence = [_last_use(key) for key in user.keys if key.last_use and key.last_use.at]
    sure = Sureness.POSSIBLE
    if user.is_smtp:
        sure = Sureness.LIKELY
        evidence.append(Evidence(source=Source.SETTING, says="the setting SmtpUsers names it"))
    elif user.user.startswith("ses-smtp-user."):
        evidence.append(
            Evidence(source=Source.NAME, says="it is called as SES's console calls SMTP users")
        )
    return _advice(user, Kind.SES_SMTP, sure, *evidence)


def signs_in_and_uses_keys(user: UserKnown) -> Advice | None:
    """Only people sign in to the console; who else has the key of the same user, nobody knows."""
    if not _signs_in(user):
        return None
    used = [_last_use(key) for key in user.keys if key.last_use and key.last_use.at]
    return _advice(user, Kind.PERSON, Sureness.POSSIBLE, _password(user), *used)


def hinted_by_words(user: UserKnown) -> Advice | None:
    """Names, paths, tags and owners: chosen by whoever may change the user, so never more."""
    for source, text in _words(user):
        found = set(_WORD.findall(text.lower()))
        for system, words in _CI_WORDS.items():
            if words & found or any(each in text.lower() for each in words if "-" in each):
                says = f'the word for {CI_TITLES[system]} is in "{text}"'
                return _advice(
                    user,
                    Kind.CI,
                    Sureness.POSSIBLE,
                    *_used(user),
                    ci=system,
                    hint=Evidence(source=source, says=says),
                )
        for kind, words in _KIND_WORDS.items():
            if hits := sorted(words & found):
                hint = Evidence(source=source, says=f'the word {hits[0]} is in "{text}"')
                return _advice(user, kind, Sureness.POSSIBLE, *_used(user), hint=hint)
    if "@" in user.user.strip("@"):
        hint = Evidence(source=Source.NAME, says="it is called as a mail address")
        return _advice(user, Kind.PERSON, Sureness.POSSIBLE, *_used(user), hint=hint)
    return None


CASES: Final[tuple[Callable[[UserKnown], Advice | None], ...]] = (
    all_are_inactive,
    nobody_uses_them,
    called_from_one_kind_of_place,
    sends_mail,
    signs_in_and_uses_keys,
    hinted_by_words,
)

_WORD: Final = re.compile(r"[a-z0-9]+")
_CI_WORDS: Final[Mapping[Ci, frozenset[str]]] = {
    Ci.GITHUB: frozenset({"github", "gha", "github-actions", "gh-actions", "githubactions"}),
    Ci.GITLAB: frozenset({"gitlab", "gitlabci"}),
    Ci.BITBUCKET: frozenset({"bitbucket", "bitbucketpipelines"}),
    Ci.CIRCLECI: frozenset({"circleci", "circle-ci"}),
    Ci.AZURE_DEVOPS: frozenset({"azuredevops", "azure-devops", "azdo", "vsts", "azurepipelines"}),
    Ci.TERRAFORM_CLOUD: frozenset({"tfc", "terraform-cloud", "hcp-terraform", "terraformcloud"}),
    Ci.BUILDKITE: frozenset({"buildkite"}),
}
_KIND_WORDS: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.CI: frozenset(
        {"ci", "cd", "cicd", "pipeline", "pipelines", "jenkins", "deploy", "deployer"}
    ),
    Kind.IN_AWS: frozenset({"lambda", "ec2", "ecs", "eks", "fargate"}),
    Kind.SES_SMTP: frozenset({"smtp"}),
    Kind.ELSEWHERE: frozenset({"onprem", "vmware", "datacenter"}),
}


def _not_known(user: UserKnown) -> Advice:
    active = [key for key in user.keys if key.is_active]
    unread = [key for key in active if key.last_use is None]
    young = [
        key for key in active if key.last_use and not key.last_use.at and key.age < OLD_ENOUGH
    ]
    evidence = [*_used(user), *_calls(user)]
    if unread:
        says = f"the last use of {pluralize(len(unread), 'Active key')} is not known"
        evidence.insert(0, Evidence(source=Source.LAST_USE, says=says))
    for key in active:
        if key.last_use and not key.last_use.at and key.read_on and key.read_on != user.on:
            says = f"{key.key_id} was not used by {key.read_on.isoformat()}, and not read since"
            evidence.append(Evidence(source=Source.LAST_USE, says=says))
    if young:
        says = f"{pluralize(len(young), 'key')} younger than {OLD_ENOUGH} days, not used so far"
        evidence.append(Evidence(source=Source.LAST_USE, says=says))
    return _advice(user, Kind.NOT_KNOWN, Sureness.UNKNOWN, *evidence)


# --- what they ask -------------------------------------------------------------------------------


def _is_unused(key: KeyKnown, today: date) -> bool:
    """Whether it is known, of today, that a key is not used."""
    if key.last_use is None or key.read_on != today:
        return False
    if key.last_use.at is None:
        return key.age >= OLD_ENOUGH
    return today - key.last_use.at.date() > timedelta(days=UNUSED_FOR)


def _signs_in(user: UserKnown) -> bool:
    """Whether a person signed in to the console of late."""
    at = user.password_used
    return at is not None and user.on - at <= timedelta(days=UNUSED_FOR)


def _password(user: UserKnown) -> Evidence:
    day = user.password_used.isoformat() if user.password_used else ""
    return Evidence(source=Source.SIGN_IN, says=f"it signed in to the console on {day}")


def _used(user: UserKnown) -> Iterator[Evidence]:
    yield from (_last_use(key) for key in user.keys if key.last_use and key.last_use.at)


def _last_use(key: KeyKnown) -> Evidence:
    use = key.last_use
    if use is None or use.at is None:
        return Evidence(source=Source.LAST_USE, says=f"no use of {key.key_id} is known")
    read = f", read on {key.read_on.isoformat()}" if key.read_on else ""
    says = (
        f"{key.key_id} was last used on {use.at.date().isoformat()} for "
        f"{use.service or 'an unknown service'} in {use.region or 'an unknown region'}{read}"
    )
    return Evidence(source=Source.LAST_USE, says=says)


def _calls(user: UserKnown) -> Iterator[Evidence]:
    for each in sorted(user.calls, key=lambda calls: -calls.number):
        why = each.origin.why or "from a place that is not known"
        yield Evidence(source=Source.CLOUDTRAIL, says=f"{pluralize(each.number, 'call')}: {why}")


def _words(user: UserKnown) -> Iterator[tuple[Source, str]]:
    yield Source.NAME, user.user
    yield Source.PATH, user.path
    yield from ((Source.TAG, f"{name}={value}") for name, value in sorted(user.tags.items()))
    yield Source.OWNER, user.owner


def _advice(
    user: UserKnown,
    kind: Kind,
    sureness: Sureness,
    *evidence: Evidence,
    ci: Ci | None = None,
    hint: Evidence | None = None,
) -> Advice:
    found = (*((hint,) if hint else ()), *evidence)
    return Advice(user=user, kind=kind, sureness=sureness, evidence=found, ci=ci)
