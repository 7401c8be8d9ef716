"""
The owners file, as administrators write it: YAML or CSV, read line by line into rules.

Nothing in it makes a reader raise. What is wrong in one rule leaves that rule out, what is wrong
in the whole leaves all out, and each is named with its line: no window waits for a typo to be
mended. Every value is the text that stands there: neither form has types of its own.
Source: decision 0038.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Final

from keyturn.domain import names
from keyturn.domain.file_problem import FileProblem
from keyturn.domain.owner import MOST_RECIPIENTS
from keyturn.domain.owners_file import Contact, OwnerRule, OwnersFile
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.schemas.owners_text import (
    FoundRule,
    FoundValue,
    UnusableError,
    refuse,
    rules_in_csv,
    wrong,
)

LARGEST: Final = 2 * 1024 * 1024
"""Bytes: 10,000 rules have half of that."""
MOST_RULES: Final = 20_000
_DIGITS: Final = 12
"""Of an account's id."""
_LONGEST_NAME: Final = 64
"""Of an IAM user, in characters."""
_LONGEST_PATH: Final = 512
"""Source of both: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""


class FileForm(StrEnum):
    """The forms of the file, as the ends of its name say them."""

    YAML = "yaml"
    CSV = "csv"


class RuleField(StrEnum):
    """What a rule may say: YAML's names, and the columns of CSV."""

    ACCOUNT = "account"
    UNIT = "unit"
    PATH = "path"
    USER = "user"
    ADDRESSES = "addresses"
    SLACK_USER = "slack_user"
    SLACK_CHANNEL = "slack_channel"
    JIRA_PROJECT = "jira_project"
    JIRA_ASSIGNEE = "jira_assignee"


_CONTACTS: Final = frozenset(
    {
        RuleField.ADDRESSES,
        RuleField.SLACK_USER,
        RuleField.SLACK_CHANNEL,
        RuleField.JIRA_PROJECT,
    }
)
_FIELDS: Final = tuple(map(str, RuleField))


def read_owners_file(
    body: bytes,
    form: FileForm,
    *,
    place: str,
    version: str = "",
    allows: Callable[[str], bool] = lambda _address: True,
) -> OwnersFile:
    """
    Read an owners file. Raises nothing, whatever it holds.

    Args:
        body: its bytes.
        form: which form they have.
        place: the file, as people write it.
        version: what tells this content from another.
        allows: whether owners may have an address.

    """
    try:
        found = list(_found_in(body, form))
    except UnusableError as error:
        return OwnersFile(place=place, version=version, problems=(error.problem,))
    rules: list[OwnerRule] = []
    problems: list[FileProblem] = []
    for each in found:
        if isinstance(each, FileProblem):
            problems.append(each)
            continue
        try:
            rule, lost = _read_rule(each, allows)
        except UnusableError as error:
            problems.append(error.problem)
        else:
            problems += lost
            rules.append(rule)
    return OwnersFile(place=place, version=version, rules=tuple(rules), problems=tuple(problems))


def _found_in(body: bytes, form: FileForm) -> Iterator[FoundRule | FileProblem]:
    if len(body) > LARGEST:
        refuse(0, f"it has {len(body)} bytes; at most {LARGEST} are read")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        refuse(line, "it holds a byte that is not UTF-8: save it as UTF-8")
    if not text.strip():
        refuse(0, "it is empty")
    for number, each in enumerate(_in_text(text, form)):
        if number == MOST_RULES:
            refuse(0, f"it has more than {MOST_RULES} rules")
        yield each


def _in_text(text: str, form: FileForm) -> Iterator[FoundRule | FileProblem]:
    if form is FileForm.CSV:
        return rules_in_csv(text, _FIELDS)
    from keyturn.schemas.owners_yaml import rules_in_yaml  # noqa: PLC0415 -- loads PyYAML, which few need

    return rules_in_yaml(text)


# --- one rule


def _read_rule(
    found: FoundRule, allows: Callable[[str], bool]
) -> tuple[OwnerRule, list[FileProblem]]:
    """Read a rule; what is wrong in it and costs only a part of its contact is beside it."""
    for name, value in found.values.items():
        if name not in _FIELDS:
            rule = f"no field of a rule has that name; they are {', '.join(_FIELDS)}"
            raise UnusableError(wrong(value.line, name, " ".join(value.texts), rule))
    texts = {name: _one_text(name, value) for name, value in found.values.items()}
    for name, text in texts.items():
        if (broken := _RULES[RuleField(name)](text)) is not None:
            raise UnusableError(wrong(found.values[name].line, name, text, broken))
    addresses, problems = _addresses_of(found.values.get(RuleField.ADDRESSES), allows)
    contact = Contact(
        addresses=addresses,
        slack_user=texts.get(RuleField.SLACK_USER),
        slack_channel=texts.get(RuleField.SLACK_CHANNEL),
        jira_project=texts.get(RuleField.JIRA_PROJECT),
        jira_assignee=texts.get(RuleField.JIRA_ASSIGNEE),
    )
    if contact.jira_assignee is not None and contact.jira_project is None:
        line, rule = found.values[RuleField.JIRA_ASSIGNEE].line, "needs jira_project"
        raise UnusableError(wrong(line, RuleField.JIRA_ASSIGNEE, contact.jira_assignee, rule))
    if not addresses and not _CONTACTS - {RuleField.ADDRESSES} & texts.keys():
        if problems:
            raise UnusableError(problems[0])
        refuse(found.line, f"the rule names nobody: it needs one of {', '.join(_contacts())}")
    rule_read = OwnerRule(
        line=found.line,
        account=texts.get(RuleField.ACCOUNT),
        unit=texts.get(RuleField.UNIT),
        path=texts.get(RuleField.PATH),
        user=texts.get(RuleField.USER),
        contact=contact,
    )
    return rule_read, problems


def _contacts() -> list[str]:
    return [name for name in RuleField if name in _CONTACTS]


def _one_text(name: str, value: FoundValue) -> str:
    """The text of a field; of the one that may be a list, its texts with blanks between them."""
    if value.is_list and name != RuleField.ADDRESSES:
        text = ", ".join(value.texts)
        raise UnusableError(wrong(value.line, name, text, "must be one text, and no list"))
    text = " ".join(value.texts)
    if not text.strip():
        raise UnusableError(wrong(value.line, name, text, "is empty: leave the field out"))
    return text


_BETWEEN: Final = re.compile(r"[\s,;:/<>]+")
"""What people put between two addresses."""
_NAMED: Final = re.compile(r"(^|[,;])[^,;<>@]*<([^<>]*)>")
"""An address as programs for mail write it, behind a name: Ann Lee <ann@example.com>."""
_MAILTO: Final = re.compile(r"mailto:(//)?", re.IGNORECASE)


def _addresses_of(
    value: FoundValue | None, allows: Callable[[str], bool]
) -> tuple[tuple[str, ...], list[FileProblem]]:
    found: dict[str, str] = {}
    problems: list[FileProblem] = []
    if value is None:
        return (), problems
    for text in value.texts:
        for address in filter(None, _BETWEEN.split(_MAILTO.sub(" ", _NAMED.sub(r"\1\2 ", text)))):
            rule = _wrong_address(address, allows)
            if rule is None:
                found.setdefault(address.lower(), address)
            else:
                problems.append(wrong(value.line, RuleField.ADDRESSES, address, rule))
    if not found and not problems:
        problems.append(wrong(value.line, RuleField.ADDRESSES, value.texts[0], _NO_ADDRESS))
    if len(found) > MOST_RECIPIENTS:
        text = f"the rule has {len(found)} addresses, and the first {MOST_RECIPIENTS} are notified"
        problems.append(FileProblem(line=value.line, text=text, is_warning=True))
    return tuple(found.values()), problems


_NO_ADDRESS: Final = "is no e-mail address"


def _wrong_address(address: str, allows: Callable[[str], bool]) -> str | None:
    if not Recipient(ChannelName.EMAIL, address).can_be_reached:
        return _NO_ADDRESS
    if not allows(address):
        return "is of a domain that AllowedOwnerDomains does not allow"
    return None


# Each says what is wrong with the text of its field; None: nothing.


def _wrong_account(text: str) -> str | None:
    if not re.fullmatch(r"[0-9*?]+", text):
        return "must be an account id, in which * and ? may stand for digits"
    length = len(text.replace("*", ""))
    if length > _DIGITS or ("*" not in text and length < _DIGITS):
        hint = "; has a spreadsheet dropped a zero?" if length < _DIGITS else ""
        return f"can match no account: an id has {_DIGITS} digits{hint}"
    return None


def _wrong_unit(text: str) -> str | None:
    if not names.UNIT_ID.fullmatch(text):
        return "must be the whole id of an organisational unit (ou-…) or root (r-…), no pattern"
    return None


def _wrong_path(text: str) -> str | None:
    if not re.fullmatch(r"[!-~]+", text):
        return "can match no path: IAM's paths have no blanks, and are ASCII"
    if text[0] not in "/*?" or text[-1] not in "/*?":
        return "can match no path: IAM's paths begin and end with /"
    if len(text.replace("*", "")) > _LONGEST_PATH:
        return f"can match no path: IAM's have {_LONGEST_PATH} characters at most"
    return None


def _wrong_user(text: str) -> str | None:
    if not re.fullmatch(r"[A-Za-z0-9_+=,.@*?-]+", text):
        return "can match no user: IAM's names have letters, digits and _+=,.@- only"
    if len(text.replace("*", "")) > _LONGEST_NAME:
        return f"can match no user: IAM's names have {_LONGEST_NAME} characters at most"
    return None


def _of_form(form: re.Pattern[str], rule: str) -> Callable[[str], str | None]:
    return lambda text: None if form.fullmatch(text) and text.isprintable() else rule


_RULES: Final[Mapping[RuleField, Callable[[str], str | None]]] = {
    RuleField.ACCOUNT: _wrong_account,
    RuleField.UNIT: _wrong_unit,
    RuleField.PATH: _wrong_path,
    RuleField.USER: _wrong_user,
    RuleField.ADDRESSES: lambda _text: None,
    RuleField.SLACK_USER: _of_form(
        names.SLACK_MEMBER, "must be a member's id, U… or W…, as Slack's profile menu copies it"
    ),
    RuleField.SLACK_CHANNEL: _of_form(
        names.SLACK_CHANNEL, "must be a channel's id, C… or G…, or #name in small letters"
    ),
    RuleField.JIRA_PROJECT: _of_form(
        names.JIRA_PROJECT, "must be the key of a project, in capital letters"
    ),
    RuleField.JIRA_ASSIGNEE: _of_form(
        names.JIRA_ASSIGNEE, "must be an account id or a user name, without blanks"
    ),
}
