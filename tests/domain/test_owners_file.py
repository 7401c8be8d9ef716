"""The first rule of the owners file that matches a user names whom to notify."""

import pytest

from keyturn.domain.key import Account, Unknown
from keyturn.domain.owners_file import Contact, OwnerRule, OwnersFile

ACCOUNT = "012345678901"
UNIT = "ou-ab12-payments"
FOUND = Contact(addresses=("team@example.com",))
OTHER = Contact(slack_channel="#keys")


def rule(*place: int | Contact, **patterns: str) -> OwnerRule:
    line, contact = place or (1, FOUND)
    assert isinstance(line, int)
    assert isinstance(contact, Contact)
    return OwnerRule(line=line, contact=contact, **patterns)


def answer(
    *rules: OwnerRule,
    units: tuple[str, ...] | None = (),
    asked: set[str] | None = None,
    path: str | None = "/robots/ci/",
    user: str = "deploy-bot",
) -> Contact | Unknown | None:
    known = None if asked is None else frozenset(asked)
    account = Account(id=ACCOUNT, units=units, units_asked=known)
    file = OwnersFile(place="owners.yaml", version="now", rules=rules)
    return file.contact_of(account, path, user)


@pytest.mark.parametrize(
    ("patterns", "matches"),
    [
        ({}, True),
        ({"account": ACCOUNT}, True),
        ({"account": "0123*"}, True),
        ({"account": "12345678901"}, False),
        ({"user": "deploy-bot"}, True),
        ({"user": "Deploy-Bot"}, False),
        ({"user": "deploy"}, False),
        ({"user": "bot"}, False),
        ({"user": "deploy-*"}, True),
        ({"user": "*-bot"}, True),
        ({"user": "deploy?bot"}, True),
        ({"user": "deploy-bo??"}, False),
        ({"user": "deploy-bot*"}, True),
        ({"user": "[d]eploy-bot"}, False),
        ({"user": "deploy[-]bot"}, False),
        ({"path": "/robots/*"}, True),
        ({"path": "/robots/"}, False),
        ({"path": "/*/"}, True),
        ({"path": "/Robots/*"}, False),
        ({"unit": UNIT}, True),
        ({"unit": "ou-ab12-others00"}, False),
        ({"account": ACCOUNT, "unit": UNIT, "path": "/robots/*", "user": "deploy-*"}, True),
        ({"account": "111111111111", "user": "deploy-*"}, False),
        ({"account": ACCOUNT, "path": "/people/", "user": "deploy-*"}, False),
    ],
)
def test_a_rule_matches_if_each_of_its_patterns_does(
    patterns: dict[str, str], *, matches: bool
) -> None:
    assert answer(rule(**patterns), units=(UNIT,)) == (FOUND if matches else None)


def test_brackets_in_a_path_are_brackets() -> None:
    assert answer(rule(path="/a[b]/"), path="/a[b]/") == FOUND
    assert answer(rule(path="/a[b]/"), path="/ab/") is None


def test_the_first_rule_that_matches_serves_however_general_it_is() -> None:
    general, exact = rule(1, OTHER, user="*"), rule(2, FOUND, user="deploy-bot")

    assert answer(general, exact) == OTHER
    assert answer(exact, general) == FOUND


def test_what_a_rule_leaves_out_is_not_taken_from_a_later_one() -> None:
    assert answer(rule(1, OTHER), rule(2, FOUND)) == Contact(slack_channel="#keys")


def test_no_rule_is_no_contact() -> None:
    assert answer() is None
    assert answer(rule(user="somebody")) is None


def test_a_rule_that_asks_for_a_unit_is_not_passed_over_while_units_are_unknown() -> None:
    found = answer(rule(7, OTHER, unit=UNIT), rule(8, FOUND), units=None)

    assert found == Unknown(
        f"line 7 of the owners file asks for the unit {UNIT}, and the units of account {ACCOUNT} "
        "are not known: name them in the event (units), or leave it to the daily run"
    )


@pytest.mark.parametrize("patterns", [{"user": "x"}, {"path": "/x/"}, {"account": "1*"}])
def test_a_unit_that_would_not_decide_anything_need_not_be_known(patterns: dict[str, str]) -> None:
    cannot_match = rule(1, OTHER, unit=UNIT, **patterns)

    assert answer(cannot_match, rule(2, FOUND), units=None) == FOUND
    assert answer(rule(1, FOUND), rule(2, OTHER, unit=UNIT), units=None) == FOUND


@pytest.mark.parametrize(
    ("units", "asked", "serves"),
    [
        ((UNIT,), {UNIT}, OTHER),
        ((), {UNIT}, FOUND),
        ((), {UNIT, "r-ab12"}, FOUND),  # the file named more of them before
        ((UNIT,), set(), OTHER),
    ],
)
def test_a_unit_is_known_if_it_was_asked_for_whatever_else_was_edited_since(
    units: tuple[str, ...], asked: set[str], serves: Contact
) -> None:
    assert answer(rule(1, OTHER, unit=UNIT), rule(2, FOUND), units=units, asked=asked) == serves


def test_a_unit_that_was_named_only_since_is_not_known_and_the_others_are() -> None:
    named_since = rule(1, OTHER, unit="ou-ab12-newer000", user="deploy-*")
    rules = named_since, rule(2, OTHER, unit=UNIT), rule(3, FOUND)

    assert answer(*rules, units=(UNIT,), asked={UNIT}, user="ann") == OTHER
    assert answer(*rules, units=(UNIT,), asked={UNIT}) == Unknown(
        "line 1 of the owners file asks for the unit ou-ab12-newer000, and nobody has listed it "
        "since it was named there: the next inventory does"
    )


def test_a_rule_that_asks_for_a_path_is_not_passed_over_while_the_path_is_unknown() -> None:
    found = answer(rule(3, OTHER, path="/people/*"), rule(4, FOUND), path=None)

    assert found == Unknown(
        "line 3 of the owners file asks for the path /people/*, and that of deploy-bot is "
        "not known"
    )
    assert answer(rule(3, OTHER, path="/x/", user="x"), rule(4, FOUND), path=None) == FOUND


def test_below_no_unit_is_known_to_be_below_none() -> None:
    assert answer(rule(1, OTHER, unit=UNIT), rule(2, FOUND), units=()) == FOUND


def test_the_units_to_look_for_are_those_of_the_rules() -> None:
    file = OwnersFile(place="", rules=(rule(unit=UNIT), rule(unit="r-ab12"), rule(user="x")))

    assert file.units == {UNIT, "r-ab12"}


@pytest.mark.parametrize(
    ("first", "second", "covers"),
    [
        ({}, {"user": "a"}, True),
        ({"user": "a"}, {"user": "a"}, True),
        ({"user": "a"}, {}, False),
        ({"user": "*"}, {}, True),
        ({"user": "*"}, {"user": "a?c*"}, True),
        ({"user": "a*"}, {"user": "ab*"}, True),
        ({"user": "ab*"}, {"user": "a*"}, False),
        ({"user": "a?"}, {"user": "ab"}, True),
        ({"user": "a?"}, {"user": "a?"}, True),
        ({"user": "a?"}, {"user": "a*"}, False),
        ({"user": "a*?"}, {"user": "a*"}, False),
        ({"account": "1*"}, {"account": "111111111111", "user": "a"}, True),
        ({"account": "1*"}, {"user": "a"}, False),
        ({"unit": UNIT}, {"user": "a"}, False),
        ({"unit": UNIT}, {"unit": UNIT, "user": "a"}, True),
        ({"path": "/a/*"}, {"path": "/a/b/"}, True),
        ({"path": "/[a]/"}, {"path": "/a/"}, False),
    ],
)
def test_a_rule_covers_another_if_it_matches_all_that_the_other_matches(
    first: dict[str, str], second: dict[str, str], *, covers: bool
) -> None:
    assert rule(**first).covers(rule(**second)) is covers
