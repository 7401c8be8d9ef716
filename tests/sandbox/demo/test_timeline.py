"""The page of what happened to each key: what it says, and where it draws it."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from jinja2 import UndefinedError

from keyturn.domain.decision import Overlay, State
from keyturn_sandbox.demo.timeline import (
    FindingLine,
    Happening,
    KeyLine,
    MailLine,
    Span,
    Timeline,
    mail_index,
    render,
)
from keyturn_sandbox.demo.writing import write
from tests.sandbox.demo.sample_page import KEYS, NASTY, sample_page, the_mails

DAY = tuple(date(2026, 5, number) for number in range(1, 32))
SENT = datetime(2026, 5, 4, 6, 12, tzinfo=UTC)


def a_key(**changes: object) -> KeyLine:
    key = KeyLine(
        account_id="111122223333",
        account_name="payments",
        user="ann",
        key_id="AKIAEXAMPLE000000001",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        state=State.ACTIVE,
        spans=(Span(start=DAY[0], end=DAY[10], state=State.ACTIVE),),
    )
    return replace(key, **changes)  # type: ignore[arg-type]  # the tests name fields that exist


def ten_days_of(*keys: KeyLine) -> Timeline:
    return replace(
        sample_page(), first_day=DAY[0], last_day=DAY[9], enforced_from=DAY[2], keys=keys
    )


def bars_of(page: str) -> list[tuple[str, str, str]]:
    [course] = re.findall(r'<svg class="course".*?</svg>', page, re.DOTALL)
    return re.findall(r'<rect class="(\w+)" x="([\d.]+)%" width="([\d.]+)%"', course)


def marks_of(page: str) -> list[tuple[str, str, str]]:
    """Answer with the shape, the place and the lane of each mark."""
    return re.findall(r'<use href="#(\w+)" x="([\d.]+)%" y="(\d+)">', page)


def titles_of(page: str) -> list[str]:
    return re.findall(r"<title>([^<]*)</title></use>", page)


def words_in(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def what_happened(*happenings: Happening) -> str:
    return render(ten_days_of(a_key(happenings=happenings)))


# The bar.


def test_a_bar_lies_where_its_days_are() -> None:
    spans = (
        Span(start=DAY[2], end=DAY[5], state=State.ACTIVE),
        Span(start=DAY[5], end=DAY[9], state=State.ROTATED),
    )

    page = render(ten_days_of(a_key(spans=spans)))

    assert bars_of(page) == [("ACTIVE", "20", "30"), ("ROTATED", "50", "40")]


def test_what_lies_outside_the_days_shown_is_cut_off() -> None:
    spans = (
        Span(start=date(2025, 1, 1), end=DAY[3], state=State.ACTIVE),
        Span(start=DAY[3], end=DAY[30], state=State.ROTATED),
        Span(start=DAY[20], end=DAY[30], state=State.DISABLED),
    )

    page = render(ten_days_of(a_key(spans=spans)))

    assert bars_of(page) == [("ACTIVE", "0", "30"), ("ROTATED", "30", "70")]


def test_a_bar_says_when_it_begins_and_ends_if_the_page_shows_that() -> None:
    spans = (
        Span(start=DAY[0], end=DAY[9], state=State.ACTIVE),
        Span(start=DAY[9], end=DAY[10], state=State.ROTATED),
    )

    page = render(ten_days_of(a_key(spans=spans)))

    assert "Active from 2026-05-01 until 2026-05-10" in page
    assert "Rotated from 2026-05-10" in page
    assert "until 2026-05-11" not in page


def test_a_key_is_gone_from_the_day_it_ended() -> None:
    ended = datetime(2026, 5, 5, 6, 12, tzinfo=UTC)
    spans = (Span(start=DAY[0], end=DAY[4], state=State.DISABLED),)

    page = render(ten_days_of(a_key(ended=ended, state=State.DELETED, spans=spans)))

    assert bars_of(page) == [("DISABLED", "0", "40"), ("DELETED", "40", "60")]
    assert 'aria-label="Disabled from 2026-05-01, Deleted on 2026-05-05"' in page
    assert "deleted 2026-05-05, 124 days old" in words_in(page)


def test_the_dry_run_is_shaded_up_to_the_first_day_of_enforcement() -> None:
    assert "0 0 / 20% 100%" in render(ten_days_of(a_key()))


def test_each_month_has_its_place_above_the_bars() -> None:
    page = replace(sample_page(), first_day=date(2026, 3, 22), last_day=date(2026, 4, 10), keys=())

    assert re.findall(r'<span style="left:(.*?)%">(\w+)', render(page)) == [("50", "Apr")]


# The marks.


def test_what_people_were_told_stands_above_what_was_done_to_the_key() -> None:
    page = what_happened(
        Happening(day=DAY[3], kind="disabled", text="its window is over"),
        Happening(day=DAY[3], kind="noticed", text="deleted on day 14"),
        Happening(day=DAY[1], kind="warned", text="disabled on day 4"),
    )

    assert marks_of(page) == [
        ("pause", "35", "20"),
        ("triangle", "15", "7"),
        ("envelope", "35", "7"),
    ]


def test_two_happenings_of_a_day_share_the_weightier_sign_and_are_both_told() -> None:
    page = what_happened(
        Happening(day=DAY[3], kind="used-last", text="for s3"),
        Happening(day=DAY[3], kind="disabled", text="its window is over"),
    )

    assert marks_of(page) == [("pause", "35", "20")]
    assert titles_of(page) == [
        "2026-05-04 used-last: for s3\n2026-05-04 disabled: its window is over"
    ]


def test_a_kind_without_a_sign_gets_a_plain_one_and_stands_in_the_legend() -> None:
    page = what_happened(Happening(day=DAY[0], kind="painted", text="somebody painted it"))

    assert marks_of(page) == [("square", "5", "20")]
    assert re.search(r'<use href="#square"/></svg>Painted</li>', page)


def test_the_legend_explains_only_what_is_on_the_page() -> None:
    page = what_happened(Happening(day=DAY[0], kind="warned", text="rotated on day 9"))

    legend = re.findall(r'<ul class="legend".*?</ul>', page, re.DOTALL)[0]
    assert re.findall(r'href="#(\w+)"', legend) == ["triangle"]


def test_a_happening_outside_the_days_shown_is_told_but_not_drawn() -> None:
    page = what_happened(Happening(day=DAY[10], kind="warned", text="a day too late"))

    assert marks_of(page) == []
    assert "2026-05-11 day 11 a day too late" in words_in(page)


def test_a_story_is_told_in_order_with_its_mails() -> None:
    page = what_happened(
        Happening(day=DAY[4], kind="rotated", text="second", mail="mails/a, b#1.html"),
        Happening(day=DAY[0], kind="warned", text="first"),
    )

    assert "2026-05-01 day 1 first 2026-05-05 day 5 second mail" in words_in(page)
    assert 'href="mails/a%2C%20b%231.html"' in page


def test_a_link_cannot_become_a_script() -> None:
    page = what_happened(
        Happening(day=DAY[0], kind="warned", text="x", mail="javascript:alert(1)")
    )

    assert "javascript:" not in page


# The page.


@pytest.fixture(scope="module")
def page() -> str:
    return render(sample_page())


def test_every_key_has_one_line(page: str) -> None:
    lines = re.findall(r'<details class="row" id="(\w+)"', page)

    assert sorted(lines) == sorted(key.key_id for key in KEYS)


def test_the_lines_are_grouped_by_account_and_user() -> None:
    keys = [
        a_key(key_id="K1"),
        a_key(key_id="K2", account_name="billing", account_id="222233334444"),
        a_key(key_id="K3", user="bob"),
        a_key(key_id="K4", created=datetime(2025, 1, 1, tzinfo=UTC)),
    ]

    page = render(ten_days_of(*keys))

    assert re.findall(r"<h3>(\w+)|<h4>(\w+)|<details class=\"row\" id=\"(\w+)", page) == [
        ("billing", "", ""),
        ("", "ann", ""),
        ("", "", "K2"),
        ("payments", "", ""),
        ("", "ann", ""),
        ("", "", "K4"),
        ("", "", "K1"),
        ("", "bob", ""),
        ("", "", "K3"),
    ]
    assert "payments 111122223333 · 2 users · 3 keys" in words_in(page)


def test_a_line_says_its_state_and_what_changes_its_course() -> None:
    page = render(ten_days_of(a_key(overlays=(Overlay.EXEMPT, Overlay.BLOCKED), born_in_run=True)))

    assert 'data-states="ACTIVE EXEMPT BLOCKED BORN"' in page
    assert re.search(r'class="state">Active<small class="EXEMPT">exempt</small>', page)
    assert "Blocked (1)" in page
    assert "Restored (" not in page


def test_a_name_is_never_taken_for_markup() -> None:
    sample = sample_page()
    hostile = replace(
        ten_days_of(
            a_key(
                user=NASTY,
                account_name=NASTY,
                happenings=(Happening(day=DAY[0], kind=NASTY, text=NASTY, mail=f'"{NASTY}'),),
            )
        ),
        title=NASTY,
        exempt=tuple(replace(it, user=NASTY, why=NASTY) for it in sample.exempt[:1]),
        accounts=tuple(replace(it, name=NASTY, reason=NASTY) for it in sample.accounts),
        findings=(FindingLine(number=1, title=NASTY, checked=1, violations=(NASTY,)),),
    )

    page = render(hostile)

    assert "<b>x" not in page
    assert "<h4>&lt;b&gt;x&lt;/b&gt;,y</h4>" in page


def test_the_result_stands_on_top(page: str) -> None:
    text = words_in(page.split("<main>")[1])

    assert text.startswith("✓ No invariant was violated 10 invariants, 22,935 facts looked at.")
    assert "keys lost 0 disabled without notice or another key 0" in text
    assert "average age of Active keys in days, exempt users apart 287 → 49" in text
    assert '<div class="bad">' not in page


def test_a_violation_is_told_loudly() -> None:
    findings = (
        FindingLine(
            number=1, title="told before", checked=5, violations=("ann was not told", "nor")
        ),
        FindingLine(number=2, title="grace", checked=4),
        FindingLine(number=3, title="no new key is lost", checked=3, violations=("K1 is lost",)),
    )

    page = render(replace(sample_page(), findings=findings, average_age_after=90.0))

    assert page.count('<div class="bad">') == 3
    assert 'class="verdict broken"' in page
    text = words_in(page)
    assert "✕ 3 violations of the invariants" in text
    assert "1 told before 5 ✕ 2 violated ann was not told nor 2 grace 4 ✓ holds" in text
    assert "keys lost 1 disabled without notice or another key 2" in text


def test_what_was_not_looked_at_is_not_said_to_hold() -> None:
    findings = (
        FindingLine(number=1, title="told before", checked=5),
        FindingLine(number=3, title="no new key is lost", checked=0),
    )

    text = words_in(render(replace(sample_page(), findings=findings)))

    assert "for 1 of them there was nothing to look at" in text
    assert "3 no new key is lost 0 \N{EN DASH} nothing to look at" in text
    assert "keys lost \N{EN DASH}" in text


def test_a_page_without_findings_claims_nothing() -> None:
    page = render(replace(sample_page(), findings=()))

    assert "✕ Nothing was looked at" in page
    assert "No invariant was violated" not in page


def test_what_was_not_reached_is_named_with_its_reason(page: str) -> None:
    text = words_in(page)

    assert "10 of 12 accounts were reached." in text
    assert "closed-shop 555555555555 : skipped, it is suspended" in text
    assert "newcomer 666666666666 : failed, AssumeRole of keyturn-member was denied" in text
    assert "4 users are blocked on the last day." in text
    assert "grace.yilmaz in identity: two keys in use" in text
    assert "8 users are exempt: their keys were only reported." in text


def test_each_week_is_told_and_the_totals_are_theirs(page: str) -> None:
    weeks = sample_page().weeks
    text = words_in(page)

    assert f"1 05 Jan dry run 0 0 0 0 {weeks[0].notices} 287.4" in text
    assert f"3 19 Jan {weeks[2].rotated} 0 0 0" in text
    assert f"rotated {sum(week.rotated for week in weeks)} disabled" in text
    assert page.count('<tr class="dry">') == 2


def test_the_page_asks_for_nothing_else_and_is_light_to_open(page: str) -> None:
    assert re.findall(r'(?:src|href)="(?:\w+:)?//', page) == []
    assert re.findall(r"url\((?!#)", page) == []
    assert len(page.encode()) < 1_500_000


def test_a_forgotten_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        write("mails.html", title="Mails")


# The list of mails.


def a_mail(day: int, to: str = "ann@example.com", path: str = "1.html") -> MailLine:
    return MailLine(sent=SENT.replace(day=day), to=to, subject=f"On day {day}", path=path)


def test_mails_are_listed_by_date() -> None:
    page = mail_index([a_mail(9), a_mail(2, "zoe@x.org"), a_mail(2, "bob@x.org")])

    assert words_in(page.split("<tbody>")[1].split("</tbody>")[0]) == (
        "2026-05-02 06:12 bob@x.org On day 2 2026-05-02 06:12 zoe@x.org On day 2 "
        "2026-05-09 06:12 ann@example.com On day 9"
    )


def test_a_mail_is_linked_and_nothing_in_it_is_taken_for_markup() -> None:
    page = mail_index([replace(a_mail(1, NASTY, "a#b,c.html"), subject=NASTY)], title=NASTY)

    assert 'href="a%23b%2Cc.html"' in page
    assert "<b>x" not in page
    assert "Back to" not in page


def test_the_list_of_mails_leads_back() -> None:
    assert '<a href="../index.html">' in mail_index([], home="../index.html")


def test_every_mail_is_listed() -> None:
    mails = the_mails()

    assert mail_index(mails).count("<tr data-row") == len(mails) > 1000


# The colours.


def luminance(colour: str) -> float:
    digits = colour if len(colour) == 6 else "".join(2 * digit for digit in colour)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def palettes(page: str) -> Iterable[dict[str, str]]:
    light, dark = re.findall(r":root \{([^}]*--dry[^}]*)\}", page)
    return [dict(re.findall(r"--(\S+): #(\w+)", css)) for css in (light, dark)]


def test_text_and_bars_can_be_told_from_their_ground(page: str) -> None:
    texts = [
        *(
            (ink, ground)
            for ink in ("ink", "quiet", "link")
            for ground in ("paper", "card", "dry", "target")
        ),
        ("good", "good-wash"),
        ("bad", "bad-wash"),
        ("good", "card"),
        ("bad", "dry"),
        ("bad", "paper"),
        ("ink", "bad-wash"),
    ]
    bars = [
        (bar, ground) for bar in ("active", "rotated", "disabled") for ground in ("paper", "dry")
    ]

    weak = [
        (ink, ground)
        for palette in palettes(page)
        for pairs, enough in ((texts, 4.5), (bars, 3.0))
        for ink, ground in pairs
        if contrast(palette[ink], palette[ground]) < enough
    ]

    assert weak == []
