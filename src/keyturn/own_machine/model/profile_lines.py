"""
The lines of `~/.aws/credentials` and `~/.aws/config`: found and changed, all others left alone.

What a line is, is decided as Python's configparser decides it, for botocore reads these files
with that: an indented line goes on with the value above it, names know no case, `=` and `:` are
the same. Written by configparser, a file would lose its comments.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from keyturn.own_machine.model.access_key import AccessKey
from keyturn.own_machine.model.errors import UnclearProfile

ID, SECRET = "aws_access_key_id", "aws_secret_access_key"
TOKENS = ("aws_session_token", "aws_security_token")
"""Of the sessions of a key that goes: with the new one they would be refused."""
OTHER_WAYS = (
    "sso_session",
    "sso_start_url",
    "login_session",
    "credential_process",
    "web_identity_token_file",
    "credential_source",
    "role_arn",
)
"""What else gives a profile credentials."""

_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
_HEADER = re.compile(r"\[(.+)\]")
_SETTING = re.compile(r"(?P<name>[^=:]*?)(?P<gap>\s*[=:]\s*)(?P<value>.*)")


@dataclass(slots=True, kw_only=True)
class Setting:
    """One name with its value, as it is in the file."""

    name: str
    indent: str
    head: str = field(repr=False)
    """All that is before the value."""
    value: str = field(repr=False)
    tail: str = field(repr=False)
    """All that is behind it: blanks, and the end of the line."""
    first: int
    """The line's number, from 0."""
    last: int
    """The last line that belongs to it."""


@dataclass(slots=True, kw_only=True)
class Section:
    """A header with the settings below it."""

    header: str
    line: int
    settings: list[Setting] = field(default_factory=list)

    def get(self, name: str) -> Setting | None:
        """The setting of that name. Raises UnclearProfile where there are two."""
        found = [each for each in self.settings if each.name == name]
        if len(found) > 1:
            numbers = " and ".join(str(each.first + 1) for each in found)
            raise UnclearProfile(f"[{self.header}] has {name} twice, in lines {numbers}")
        return found[0] if found else None


def section_of(text: str, headers: Sequence[str]) -> Section | None:
    """
    The section under one of these headers; None: there is none.

    Raises UnclearProfile where there are two.
    """
    found = [each for each in _sections(_lines(text)) if each.header in headers]
    if len(found) > 1:
        numbers = " and ".join(str(each.line + 1) for each in found)
        raise UnclearProfile(f"[{found[0].header}] is there twice, in lines {numbers}")
    return found[0] if found else None


def with_key(text: str, headers: Sequence[str], key: AccessKey) -> str:
    """
    The same text with another key in that section.

    Raises UnclearProfile where the section has no key, or one that is not on one line.
    """
    section = section_of(text, headers)
    old_id = section.get(ID) if section else None
    if section is None or old_id is None:
        raise UnclearProfile(f"[{headers[0]}] has no {ID}")
    old_secret = section.get(SECRET)
    for each in filter(None, (old_id, old_secret)):
        if each.last != each.first:
            raise UnclearProfile(f"[{section.header}] has {each.name} on several lines")
    lines: list[str] = _lines(text)
    lines[old_id.first] = f"{old_id.head}{key.key_id}{old_id.tail}"
    if old_secret is not None:
        lines[old_secret.first] = f"{old_secret.head}{key.secret}{old_secret.tail}"
    else:
        end = "\r\n" if "\r\n" in text else "\n"
        if not old_id.tail.endswith("\n"):
            lines[old_id.first] += end
        lines[old_id.first] += f"{old_id.indent}{SECRET} = {key.secret}{end}"
    for each in section.settings:
        if each.name in TOKENS:
            for number in range(each.first, each.last + 1):
                lines[number] = ""
    return "".join(lines)


def _lines(text: str) -> list[str]:
    """The lines with their ends, which a CR may be part of."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _sections(lines: Sequence[str]) -> Iterator[Section]:
    section: Section | None = None
    setting: Setting | None = None
    for number, line in enumerate(lines):
        bare = line.removeprefix(_MARK) if number == 0 else line
        content = bare.strip()
        if not content or content[0] in "#;":
            continue
        indent = bare[: len(bare) - len(bare.lstrip())]
        if setting is not None and len(indent) > len(setting.indent):
            setting.last = number
        elif header := _HEADER.match(content):
            if section is not None:
                yield section
            section, setting = Section(header=header[1], line=number), None
        elif section is not None and (found := _SETTING.fullmatch(content)):
            before = line[: line.index(content)]
            setting = Setting(
                name=found["name"].lower(),
                indent=indent,
                head=f"{before}{found['name']}{found['gap']}",
                value=found["value"],
                tail=line[len(before) + len(content) :],
                first=number,
                last=number,
            )
            section.settings.append(setting)
    if section is not None:
        yield section
