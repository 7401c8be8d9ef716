"""Lists of a made-up organisation, with a name that would like to be markup."""

from datetime import UTC, date, datetime, timedelta

from keyturn_sandbox.demo.lists import MailLine, NoticeLine, NoticesOfKey

ENFORCED = date(2026, 1, 19)
NASTY = "<b>x</b>,y"
"""IAM would not take the brackets, but the page must not trust it."""
PEOPLE = ("ada.katz", "björn.okafor", "chidi.novak", NASTY)
MAILS = 1200


def after(day: date, days: int) -> date:
    return day + timedelta(days=days)


def the_mails() -> tuple[MailLine, ...]:
    return tuple(
        MailLine(
            sent=datetime(2026, 2, 1 + number % 28, 6, 12, tzinfo=UTC),
            to=f"{PEOPLE[number // 28 % len(PEOPLE)]}@example.com",
            subject=f"[billing] It stops working on 2026-02-{1 + number % 28:02}",
            path=f"{number:04}.html",
        )
        for number in range(MAILS)
    )


def the_notices() -> list[NoticesOfKey]:
    """A key whose notices came, and one whose notice reached nobody, and one that was not sent."""
    told = "email to a.very.long.name.of.somebody@department.of.a.company.example: accepted 04:12"
    return [
        NoticesOfKey(
            account_name="billing",
            user=user,
            key_id=f"AKIAEXAMPLE{number:09d}",
            path="there before, disabled by Keyturn, deleted by Keyturn",
            notices=tuple(
                NoticeLine(
                    on=after(ENFORCED, day),
                    what=f"Its owner was notified that it stops working on {after(ENFORCED, day)}",
                    to="ada@example.org",
                    mail=None if wrong else "mails/0001.html",
                    fate="" if wrong else told,
                    is_void=day == 0,
                    wrong=wrong,
                )
                for day, wrong in ((0, None), (1, None), (7, NASTY if number else None))
            ),
        )
        for number, user in enumerate(("ada.lovelace", NASTY))
    ]
