"""Whom a value names, and which domains may be named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.domain.owner import (
    AllowedDomains,
    Owner,
    OwnerCandidate,
    OwnerSource,
    candidate_of,
    default_domains,
    reachable,
    user_name_candidate,
)
from keyturn.domain.recipient import ChannelName, Recipient

EXAMPLE = AllowedDomains(frozenset({"example.com"}))


def named(value: str, allowed: AllowedDomains = EXAMPLE) -> tuple[list[str], str | None]:
    """The addresses that serve, and why the rest does not."""
    candidate, rejected = candidate_of(OwnerSource.TAG, value, allowed)
    addresses = [each.address for each in candidate.recipients] if candidate else []
    return addresses, "; ".join(each.why for each in rejected) or None


ANN, BOB = "ann@example.com", "bob@example.com"
NO_ADDRESS = "is no e-mail address"
OUTSIDE = "is of a domain that AllowedOwnerDomains does not allow"


@pytest.mark.parametrize(
    ("value", "addresses", "why"),
    [
        (ANN, [ANN], None),
        (f"{ANN} {BOB}", [ANN, BOB], None),
        (f"{ANN}:{BOB}", [ANN, BOB], None),
        (f"{ANN}/{BOB}", [ANN, BOB], None),
        (f"{ANN} / {BOB}", [ANN, BOB], None),
        (f"{ANN} ", [ANN], None),
        (f"mailto:{ANN}", [ANN], None),
        (f"MailTo://{ANN}:mailto:{BOB}", [ANN, BOB], None),
        ("Ann@Example.COM", ["Ann@Example.COM"], None),
        (f"{ANN} ANN@EXAMPLE.COM", [ANN], None),
        ("@team", [], NO_ADDRESS),
        ("team-payments", [], NO_ADDRESS),
        ("ann.example.com", [], NO_ADDRESS),
        ("ann@@example.com", [], NO_ADDRESS),
        ("ann@bob@example.com", [], NO_ADDRESS),
        ("ann@example", [], NO_ADDRESS),
        ("ann@example.com.", [], NO_ADDRESS),
        ("ann.@example.com", [], NO_ADDRESS),
        ("a..b@example.com", [], NO_ADDRESS),
        ("änn@example.com", [], NO_ADDRESS),
        (f"Ann Smith {ANN}", [ANN], f'holds besides "Ann Smith", which {NO_ADDRESS}'),
        ("dev team@example.com", ["team@example.com"], f'holds besides "dev", which {NO_ADDRESS}'),
        ("ann@example.org", [], OUTSIDE),
        ("ann@sub.example.com", [], OUTSIDE),
        ("ann@notexample.com", [], OUTSIDE),
        (f"{ANN} eve@evil.example", [ANN], f'holds besides "eve@evil.example", which {OUTSIDE}'),
        ("", [], None),
        (" : / ", [], None),
        ("\ud800@example.com", [], NO_ADDRESS),
        (f"\udfff {ANN}", [ANN], f'holds besides "\N{REPLACEMENT CHARACTER}", which {NO_ADDRESS}'),
    ],
)
def test_a_value_names_its_addresses_and_the_rest_is_said(
    value: str, addresses: list[str], why: str | None
) -> None:
    assert named(value) == (addresses, why)


ANY_TEXT = st.text(st.characters(codec=None, categories=None) | st.characters(categories=["Cs"]))
"""Halves of characters, too: JSON and YAML can spell them."""


@given(ANY_TEXT)
def test_no_text_is_refused_with_an_error_and_only_what_is_allowed_is_named(text: str) -> None:
    candidate, rejected = candidate_of(OwnerSource.TAG, text, EXAMPLE)
    owner = Owner(candidates=(candidate,) if candidate else (), rejected=rejected)

    assert all(each.lower().endswith("@example.com") for each in named(text)[0])
    # What is made of it can be hashed, looked up and written down.
    assert owner.spelt(Recipient(ChannelName.EMAIL, text).id) in {None, *named(text)[0], text}
    "".join(map(str, rejected)).encode()


def test_ten_addresses_are_notified_and_the_others_named() -> None:
    many = [f"a{number}@example.com" for number in range(12)]

    addresses, why = named(" ".join((*many, many[0].upper())))
    _, [rejected] = candidate_of(OwnerSource.TAG, "/".join(many), EXAMPLE)

    assert addresses == many[:10]
    assert why == "is one too many: no more than 10 addresses are notified"
    assert rejected.value == ", ".join(many[10:])
    assert named(" ".join(many[:10])) == (many[:10], None)


def test_what_does_not_serve_behind_the_owner_keeps_nobody_from_being_notified() -> None:
    found = {
        source: candidate_of(source, value, EXAMPLE)
        for source, value in (
            (OwnerSource.TAG, f"dev {ANN}"),
            (OwnerSource.OWNERS_FILE, "team"),
            (OwnerSource.ACCOUNT, "aws@gone.example"),
        )
    }
    owner = Owner(
        candidates=tuple(candidate for candidate, _ in found.values() if candidate),
        rejected=tuple(each for _, rejected in found.values() for each in rejected),
    )

    assert [each.value for each in owner.passed_over()] == [f"dev {ANN}"]
    assert len(owner.passed_over(OwnerSource.OWNERS_FILE)) == 2
    assert len(owner.passed_over(OwnerSource.ADMIN)) == 3


@pytest.mark.parametrize(
    ("allowed", "address", "is_allowed"),
    [
        ({"example.com"}, "a@EXAMPLE.com", True),
        ({"EXAMPLE.com"}, "a@example.com", True),
        ({"*.example.com"}, "a@example.com", False),
        ({"*.example.com"}, "a@eu.example.com", True),
        ({"*.example.com"}, "a@x.eu.example.com", True),
        ({"*.example.com"}, "a@evilexample.com", False),
        ({"*.example.com", "example.com"}, "a@example.com", True),
        ({"com"}, "a@example.com", False),
        (set(), "a@example.com", False),
        (None, "a@example.com", True),
    ],
)
def test_a_domain_is_allowed_as_it_is_or_by_what_is_above_it(
    allowed: set[str] | None, address: str, *, is_allowed: bool
) -> None:
    domains = AllowedDomains(None if allowed is None else frozenset(allowed))

    assert domains.allow(address) is is_allowed


def test_by_default_the_domains_of_the_admin_and_of_the_account_are_allowed() -> None:
    allowed = default_domains("ops@example.com", "aws@Example.org")

    assert [allowed.allow(f"a@{each}") for each in ("example.com", "example.org", "b.c")] == [
        True,
        True,
        False,
    ]
    assert default_domains("", "aws@example.org").allow("a@b.c")


@pytest.mark.parametrize("name", ["ann@example.com", "Ann+aws@example.com"])
def test_a_user_who_is_called_like_an_address_names_it(name: str) -> None:
    assert user_name_candidate(name, EXAMPLE) == (
        OwnerCandidate(OwnerSource.USER_NAME, (Recipient(ChannelName.EMAIL, name),)),
        (),
    )


@pytest.mark.parametrize("name", ["ann", "ann@", "deploy@prod", "a=b@c,d.example.com"])
def test_any_other_name_is_a_name_and_nobody_is_told_of_it(name: str) -> None:
    assert user_name_candidate(name, EXAMPLE) == (None, ())


def test_a_name_of_another_domain_is_said() -> None:
    candidate, [rejected] = user_name_candidate("ann@evil.example", EXAMPLE)

    assert candidate is None
    assert rejected.why == OUTSIDE


def test_an_address_from_which_mails_came_back_is_left_out_and_the_others_serve() -> None:
    ann, bob = (Recipient(ChannelName.EMAIL, each) for each in (ANN, BOB))
    both = OwnerCandidate(OwnerSource.TAG, (ann, bob))

    left, rejected = reachable(both, {Recipient(ChannelName.EMAIL, "ANN@example.com").id})

    assert left == OwnerCandidate(OwnerSource.TAG, (bob,))
    assert rejected is not None
    assert rejected.value == ANN
    assert reachable(both, {ann.id, bob.id})[0] is None
    assert reachable(both, set()) == (both, None)
