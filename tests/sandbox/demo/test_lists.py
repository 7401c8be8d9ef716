"""The demo's lists: all mails, and each key's notices."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from jinja2 import UndefinedError

from keyturn_sandbox.demo.lists import MailLine, mail_index
from keyturn_sandbox.demo.writing import write
from tests.sandbox.demo.sample_lists import NASTY, the_mails

SENT = datetime(2026, 5, 4, 6, 12, tzinfo=UTC)


def words_in(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


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


def test_text_can_be_told_from_its_ground() -> None:
    page = mail_index([])
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

    weak = [
        (ink, ground)
        for palette in palettes(page)
        for ink, ground in texts
        if contrast(palette[ink], palette[ground]) < 4.5
    ]

    assert weak == []
