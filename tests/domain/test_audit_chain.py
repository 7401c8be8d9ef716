"""The chain over audit entries and reports: what it shows, and what it cannot say."""

from datetime import UTC, date, datetime

import pytest

from keyturn.domain.audit_chain import Chained, Head, Link, StoredLink, belongs, link_name, verify

MADE = datetime(2026, 3, 4, 9, tzinfo=UTC)
A, B, C = (f"audit/2026-03-0{day}/090000Z-run-a.json" for day in (3, 4, 5))
STORED = {A: "a" * 64, B: "b" * 64}


def link(number: int, previous: str | None, **held: str) -> StoredLink:
    made = Link(
        number=number,
        previous=previous,
        made=MADE,
        through=date(2026, 3, 4),
        objects=tuple(Chained({"a": A, "b": B, "c": C}[name], held[name]) for name in held),
    )
    return StoredLink(sha256=f"{number}" * 64, link=made)


FIRST, SECOND = link(1, None, a="a" * 64), link(2, "1" * 64, b="b" * 64)
CHAIN = {link_name(1): FIRST, link_name(2): SECOND}


def test_a_chain_that_fits_is_whole_and_says_what_it_does_not_show() -> None:
    verdict = verify(CHAIN, STORED)

    assert (verdict.links, verdict.objects, verdict.broken) == (2, 2, ())
    assert verdict.last == Head(number=2, sha256="2" * 64, source="the chain")
    old, unseen = verdict.remarks
    assert old.startswith("1 object older than the chain, which began on 2026-03-04")
    assert unseen.startswith("Whether links are missing at the end")


@pytest.mark.parametrize(
    ("links", "objects", "said"),
    [
        ({}, STORED, "there is no chain"),
        ({link_name(2): SECOND}, STORED, "link 1 of the chain is gone"),
        (CHAIN | {link_name(4): link(4, "3" * 64)}, STORED, "link 3 of the chain is gone"),
        (CHAIN | {link_name(1): link(1, "0" * 64)}, {}, "the chain's beginning is gone"),
        (
            CHAIN | {link_name(2): link(2, "9" * 64, b="b" * 64)},
            STORED,
            "link 1 is not the one that link 2 follows",
        ),
        (
            CHAIN | {link_name(2): link(1, None, b="b" * 64)},
            STORED,
            "link 2 says that it is link 1: two with one number",
        ),
        (
            CHAIN | {link_name(2): StoredLink(sha256="2" * 64, link=None)},
            STORED,
            "link 2 cannot be read as a link",
        ),
        (CHAIN | {"audit/chain/2.json": SECOND}, STORED, "audit/chain/2.json is in the chain's"),
        (CHAIN, {A: "a" * 64}, f"{B} is gone"),
        (CHAIN, STORED | {A: "f" * 64}, f"{A} was changed"),
        (
            CHAIN | {link_name(2): link(2, "1" * 64, a="f" * 64, b="b" * 64)},
            STORED,
            f"{A} was changed before link 2 was made",
        ),
        (
            CHAIN,
            STORED | {"audit/2026-03-01/x.json": "c" * 64},
            "it came later than its name says",
        ),
        (CHAIN, STORED | {"audit/x.json": "c" * 64}, "audit/x.json has no day in its name"),
    ],
)
def test_what_does_not_fit_is_named(
    links: dict[str, StoredLink], objects: dict[str, str], said: str
) -> None:
    verdict = verify(links, objects)

    assert any(said in each for each in verdict.broken), verdict.broken


def test_an_end_that_is_cut_off_shows_beside_what_was_written_down() -> None:
    heads = [Head(number=3, sha256="3" * 64, source="the log")]

    assert verify(CHAIN, STORED).broken == ()
    [cut] = verify(CHAIN, STORED, heads).broken
    assert cut == "the chain's end is cut off: the log names link 3, and the last one is 2"
    [other] = verify(CHAIN, STORED, [Head(number=2, sha256="f" * 64, source="a mail")]).broken
    assert other == "link 2 is not the one that a mail names"


def test_what_is_new_is_no_fault() -> None:
    verdict = verify(CHAIN, STORED | {C: "c" * 64})

    assert verdict.broken == ()
    assert verdict.remarks[0].startswith("1 object stored since the last link")


def test_a_report_belongs_into_it_once_it_is_finished() -> None:
    day, next_day = (f"reports/daily/date=2026-03-0{number}" for number in (2, 3))
    week = "reports/weekly/date=2026-03-02/2026-W09"
    final = [f"{day}/digest.json", f"{day}/keys.csv", f"{day}/inventory/x.json", A]
    final += [f"{week}/report.json", f"{week}/report.html"]
    open_ = [
        f"{week}/published.json",
        f"{day}/held.json",
        f"{next_day}/keys.csv",
        f"{next_day}/inventory/x.json",
    ]

    assert sorted(belongs([*final, *open_, link_name(1), "receipts/x.json"])) == sorted(final)
