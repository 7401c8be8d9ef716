"""Where a text holds a secret access key, in whatever form it got out."""

import hmac
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from functools import cache
from urllib.parse import unquote

import botocore.session

_LONG_WORD = re.compile(r"[A-Za-z0-9+/=%_\\-]{32,}")
_BEGINNING = 32
"""Shorter than a secret access key in any form, longer than a key id."""
# 33 bytes in Base64, and the first one is 4.
_SMTP_PASSWORD = re.compile(r"(?<![A-Za-z0-9+])B[A-P][A-Za-z0-9+/]{42}(?![A-Za-z0-9+=])")
# As JavaScript, PHP and others write a slash, a plus sign or an equals sign into JSON.
_JSON_ESCAPE = re.compile(r"\\(?:u00(2[bBfF]|3[dD])|(?=/))")


class SecretScanner:
    """Looks for the secrets of access keys in texts, as they are and in disguise."""

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        self._beginnings: dict[str, tuple[str, str]] = {}
        self._without_passwords: list[tuple[str, str]] = []
        self._passwords: dict[str, tuple[str, str]] = {}
        for key_id, secret in (secrets or {}).items():
            self.add(key_id, secret)

    def add(self, key_id: str, secret: str) -> None:
        """Look for this key's secret, too."""
        for form, text in _forms(secret):
            self._beginnings[text[:_BEGINNING]] = (key_id, form)
        # "The Amazon SES SMTP interface doesn't support SMTP credentials that have been generated
        # from temporary security credentials."
        # https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html
        if not key_id.startswith("ASIA"):
            self._without_passwords.append((key_id, secret))

    def find(self, text: str) -> Iterator[tuple[str, str]]:
        """Name the key of each secret that the text holds, and the form that it has."""
        for word in _LONG_WORD.findall(text):
            yield from self._in_word(word)
            if "%" in word:
                for key_id, form in self._in_word(unquote(word)):
                    yield key_id, f"{form}, URL-encoded"
            if "\\" in word:
                for key_id, form in self._in_word(_JSON_ESCAPE.sub(_unescaped, word)):
                    yield key_id, f"{form}, JSON-escaped"

    def _in_word(self, word: str) -> Iterator[tuple[str, str]]:
        for start in range(len(word) - _BEGINNING + 1):
            found = self._beginnings.get(word[start : start + _BEGINNING])
            if found:
                yield found
        for candidate in _SMTP_PASSWORD.findall(word):
            if found := self._all_passwords().get(candidate):
                yield found

    def _all_passwords(self) -> Mapping[str, tuple[str, str]]:
        """Derive them only now: for each secret that takes longer than all the rest."""
        for key_id, secret in self._without_passwords:
            for region in smtp_regions():
                password = smtp_password(secret, region)
                self._passwords[password] = (key_id, f"SMTP password for {region}")
        self._without_passwords.clear()
        return self._passwords


def _forms(secret: str) -> Iterator[tuple[str, str]]:
    """As it is, and in Base64 wherever in a longer text it stands."""
    yield "as it is", secret
    for before in range(3):
        data = bytes(before) + secret.encode()
        # The characters at either end also depend on what stands beside the secret.
        whole = slice(-(-before * 8 // 6), len(data) * 8 // 6)
        for encode in (b64encode, urlsafe_b64encode):
            yield "in Base64", encode(data).decode()[whole]


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else ""


def smtp_password(secret: str, region: str) -> str:
    """
    Make of a secret access key the password for SES's SMTP server in a region.

    https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html
    """
    signature = f"AWS4{secret}".encode()
    for message in ("11111111", region, "ses", "aws4_request", "SendRawEmail"):
        signature = hmac.digest(signature, message.encode(), "sha256")
    return b64encode(b"\x04" + signature).decode()


@cache
def smtp_regions() -> tuple[str, ...]:
    """All regions that have SES, in all partitions."""
    session = botocore.session.get_session()
    return tuple(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ses", partition)
    )
