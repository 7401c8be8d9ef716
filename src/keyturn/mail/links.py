"""The links of a mail: ours lead to AWS's console, and nothing of others' makes one."""

import re
from dataclasses import fields, replace
from typing import Final, TypeVar
from urllib.parse import quote

from markupsafe import Markup, escape

from keyturn.domain.account_period import PeriodLine
from keyturn.domain.events import Digest, NoticeItem
from keyturn.domain.worst_lines import DigestLine
from keyturn.mail.filters import markup

Line = TypeVar("Line", DigestLine, PeriodLine)
_OURS: Final = frozenset({"account", "key_id", "action"})
"""Of a line: of a form that makes no link."""
_LINK_BEGINS: Final = re.compile(r"://|(?<=\bwww)\.", re.IGNORECASE)
"""What programs for mail make a link of, without being asked."""
_CONSOLES = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}
"""The consoles of the partitions that have their own, by how their regions begin."""


def console_link(secret: str, region: str) -> str:
    """The secret's page in the console."""
    name, place = quote(secret, safe=""), quote(region, safe="")
    return f"https://{_console(region)}/secretsmanager/secret?name={name}&region={place}"


def object_link(bucket: str, region: str, name: str) -> str:
    """The page of an object in S3's console; empty where it is not known, or its place."""
    if not (bucket and region and name):
        return ""
    key, place = quote(name, safe=""), quote(region, safe="")
    return (
        f"https://{_console(region)}/s3/object/{quote(bucket, safe='')}"
        f"?region={place}&prefix={key}"
    )


def _console(region: str) -> str:
    """The host of a region's console."""
    return next(
        (host for prefix, host in _CONSOLES.items() if region.startswith(prefix)),
        f"{quote(region, safe='')}.console.aws.amazon.com",
    )


def where_linked(text: str, item: NoticeItem, region: str) -> Markup:
    """A line for a page, in which "the console" leads to the secret."""
    link = f'<a href="{escape(console_link(item.secret or "", region))}">the console</a>'
    return markup(str(escape(text)).replace("the console", link, 1))


def without_link(text: str) -> str:
    """A text, in which what programs for mail make a link of stands in brackets."""
    return _LINK_BEGINS.sub(r"[\g<0>]", text)


def line_without_links(line: Line) -> Line:
    """A line of a report, likewise: whatever it says is of others' making."""
    texts = {
        each.name: without_link(said)
        for each in fields(line)
        if isinstance(said := getattr(line, each.name), str) and each.name not in _OURS
    }
    return replace(line, **texts)  # type: ignore[arg-type]  # texts alone


def without_links(digest: Digest) -> Digest:
    """A digest, in which no name or message of others' makes a link (docs/mails.md)."""
    run = digest.run
    account = replace(run.account, name=without_link(run.account.name))
    return replace(
        digest,
        run=replace(run, account=account),
        failures=tuple(map(without_link, digest.failures)),
        odd=replace(digest.odd, first=tuple(map(without_link, digest.odd.first))),
        items=tuple(replace(item, sentence=without_link(item.sentence)) for item in digest.items),
    )
