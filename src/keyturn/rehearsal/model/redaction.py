"""
What a text loses before it may be attached to a public issue.

Access key ids go, too: an account's id can be read out of them. One id becomes one placeholder
throughout, so that what is said of a key can still be followed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import unquote

_PATTERNS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("arn", re.compile(r"arn:aws[a-z-]*:[^\s\"',;)\]}]+")),
    # Whatever stands before or behind it: rather too much is left out than too little.
    ("key", re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{12,124}")),
    ("id", re.compile(r"A(?:IDA|ROA|GPA|NPA|PKA|SCA)[A-Z0-9]{12,124}")),
    ("address", re.compile(r"[^\s<>\"'(),;:=]+@[A-Za-z0-9.-]+")),
    ("uuid", re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)),
    # As people read one aloud, too.
    ("account", re.compile(r"(?<!\d)(?:\d{12}|(?<!\d-)\d{4}-\d{4}-\d{4}(?!-\d))(?!\d)")),
    # https://docs.aws.amazon.com/organizations/latest/APIReference/API_OrganizationalUnit.html
    (
        "organization",
        re.compile(
            r"(?<![A-Za-z0-9-])"
            r"(?:o-[a-z0-9]{10,32}|ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32})"
            r"(?![A-Za-z0-9-])"
        ),
    ),
    ("token", re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*")),
    # Of forty characters, or longer as a session token; a slash may be written as %2F.
    ("secret", re.compile(r"[A-Za-z0-9/+%]{40,}={0,2}")),
)


@dataclass(slots=True)
class Redaction:
    """Takes out of texts what tells of the account; the same thing becomes the same word."""

    words: Mapping[str, str] = field(default_factory=dict)
    """What the operator named → what it is: "asa-receipts" → "bucket"."""
    _known: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, text: str) -> str:
        """The text without it; what was quoted as in a URL is read as it was meant."""
        text = _unquoted(text)
        for word, what in sorted(self.words.items(), key=lambda each: -len(each[0])):
            text = text.replace(word, f"<{what}>")
        for what, pattern in _PATTERNS:
            text = pattern.sub(partial(self._placeholder, what), text)
        return text

    def of_each(self, texts: Iterable[str]) -> tuple[str, ...]:
        """The texts without it."""
        return tuple(map(self.of, texts))

    def _placeholder(self, what: str, match: re.Match[str]) -> str:
        known = (what, match[0])
        if known not in self._known:
            number = sum(kind == what for kind, _ in self._known) + 1
            self._known[known] = f"<{what}-{number}>"
        return self._known[known]


def _unquoted(text: str) -> str:
    """
    The text with a slash for %2F, and so on, however often it was quoted.

    botocore's words for a call that had no answer hold the URL: "…AccessKey%2FAKIA…%2Fdisable".
    """
    while (meant := unquote(text)) != text:
        text = meant
    return text
