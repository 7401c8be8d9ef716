"""
The headers by which mail programs sort and thread: all notices of one key make one thread.
The administrators' digests of a month make one.

SES refuses a Message-ID of ours, so no mail can be the first of a thread. Each refers to an id
that no mail has and that all notices of a key share; programs thread by it all the same.
Source: https://docs.aws.amazon.com/ses/latest/dg/header-fields.html (what SendEmail takes);
RFC 5322, 3.6.4.
"""

from collections.abc import Iterator, Mapping
from typing import Final, assert_never

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.events import Digest
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.period_report import PeriodReport

_NO_DOMAIN: Final = "keyturn.invalid"
_LONGEST: Final = 900
"""Characters of a header's value: SES takes 995."""


def headers_of(content: NoticeContent, admin: str) -> Mapping[str, str]:
    """
    The headers of a mail, name → value, in ASCII; nothing in them is of others' making.

    admin: the address that mails come from; its domain is that of the ids.
    """
    domain = admin.rpartition("@")[2]
    if not domain.isascii():  # a header takes nothing else
        domain = _NO_DOMAIN
    threads = [f"<{thread}.keyturn@{domain}>" for thread in _threads(content)]
    headers = {
        "List-Id": _list_of(content, domain),
        "Auto-Submitted": "auto-generated",
    }
    if threads:
        headers["In-Reply-To"] = threads[0]
        headers["References"] = _as_many_as_fit(threads)
    return headers


def _threads(content: NoticeContent) -> Iterator[str]:
    match content:
        case Digest():
            yield from dict.fromkeys(item.key_id for item in content.items)
        case ExemptionChange():
            yield f"{content.account}.exemptions"
        case AdminDigest():
            yield f"{content.day:%Y-%m}.{'runs' if content.run else 'daily'}"
        case PeriodReport():
            yield f"{content.period.first.year}.{content.period.kind}"
        case _:
            assert_never(content)


def _list_of(content: NoticeContent, domain: str) -> str:
    """The administrators' day is a list of its own: who is paged by it filters for it."""
    match content:
        case Digest() | ExemptionChange():
            return f"AWS access keys <access-keys.{domain}>"
        case AdminDigest() if content.run:
            return f"AWS access keys <access-keys.{domain}>"
        case PeriodReport():
            return f"AWS access keys, reports <access-keys-reports.{domain}>"
        case AdminDigest():
            return f"AWS access keys, each day <access-keys-daily.{domain}>"


def _as_many_as_fit(threads: list[str]) -> str:
    """The ids of the most urgent keys: a header has its limit."""
    value = ""
    for thread in threads:
        longer = f"{value} {thread}".strip()
        if len(longer) > _LONGEST:
            break
        value = longer
    return value
