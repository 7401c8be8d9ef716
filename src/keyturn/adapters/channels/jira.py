"""
Jira: an issue for each key, which each later notice is a comment of, closed when the key is gone.

Cloud: https://developer.atlassian.com/cloud/jira/platform/rest/v3/, with an API token. Data
Center: https://developer.atlassian.com/server/jira/platform/rest/, version 2, with a personal
access token.

Jira knows no "create once", so an issue is found before one is made: by the reference that was
stored, else by its label, in the notice's project. Its search is some minutes behind
(.../platform/search-and-reconcile), so whoever makes one takes the right to do so before, and
where nobody knows whether one was made, the right stays taken until the search knows it. What a
comment tells is marked in its text: it is looked for, among our own, before it is written. So all
of it may be done again at any time.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http import HTTPStatus
from textwrap import wrap
from typing import Any, Final
from urllib.parse import quote, urlencode

from keyturn.domain.decision import NoticeType, Reason
from keyturn.domain.errors import (
    AlreadyThere,
    NoSuchRecipient,
    PortError,
    RateExceeded,
    Refused,
    Throttled,
    Unavailable,
)
from keyturn.domain.events import Brief, Digest, NoticeItem
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import Clock, Conversations, NoticeContent, RenderedNotice
from keyturn.ports.sending import Answer, Call, Turns, Values

TOKEN: Final = "token"  # noqa: S105 -- the name of a field
EMAIL: Final = "email"
"""Of whom a token of Cloud is; a secret without it holds one of Data Center."""
_LONGEST_TEXT: Final = 30_000
"""Characters of a description or comment, below the 32,767 that Jira takes."""
_LONGEST_LINE: Final = 2000
_WIDTH: Final = 100
"""Of a line of preformatted text, which Jira does not wrap."""
_COMMENTS_READ: Final = 20
"""The newest: a notice whose answer was lost comes again within two hours."""
_MOST_PAGES: Final = 5
"""Of a search; one label has one issue of ours, unless people put it to others."""
_ISSUES_READ: Final = 50
"""Of a page."""
_MARK_LENGTH: Final = 12
"""Hexadecimal digits that tell the notices of one key apart."""
_DONE: Final = "done"
"""The key of the category of all statuses in which an issue is closed; no language changes it."""
_ISSUE_ID: Final = re.compile(r"[0-9]{1,20}")
_ISSUE_KEY: Final = re.compile(r"[A-Z][A-Z0-9_]{0,254}-[0-9]{1,12}")
_KEY_LABEL: Final = re.compile(r"keyturn-[0-9]{12}-[A-Z0-9]+")
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")
_FIELDS_READ: Final = "status,summary,description,labels"
_NO_ACCESS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_CODE: Final = re.compile(r"`([^`]+)`")
_USUAL_ENDS: Final = ("done", "closed", "resolved")
"""What a status is called that says no more than that: preferred to "won't do" and its like."""
_CLOSED_LATER: Final = "-open"
"""Behind the mark of a notice: that its issue could not be closed."""


class JiraChannel:
    """
    Meets `ports.Channel`.

    A recipient is the key of a project. The account behind the token needs to browse it, to create
    issues, to comment, and to transition and assign them.
    """

    name = ChannelName.JIRA

    def __init__(  # noqa: PLR0913 -- each is one thing that Jira needs
        self,
        values: Values,
        *,
        site: str,
        issue_type: str,
        brief: Callable[[NoticeContent], Brief],
        conversations: Conversations,
        call: Call,
        turns: Turns,
        clock: Clock,
        complain: Callable[[str], None],
    ) -> None:
        """site: Jira's address. complain: hears of what could not be done beside a message."""
        self._site = site.rstrip("/")
        self._issue_type = issue_type
        self._brief = brief
        self._conversations = conversations
        self._turns = turns
        self._clock = clock
        self._complain = complain
        self._jira = _Jira(values, self._site, call)
        # A key has one issue, wherever it is: a project of the owners file may become another.
        self._of_site = Recipient(ChannelName.JIRA, self._site)

    def take_turn(self, recipient: Recipient, *, within: float) -> float | None:  # noqa: ARG002 -- Jira counts the calls of all projects together
        """One after the other."""
        return self._turns.take_turn(within=within)

    def render(self, content: NoticeContent, recipient: Recipient) -> RenderedNotice:
        """Write what is said of the one key. Raises Refused where it is about none, or several."""
        if not isinstance(content, Digest) or len(content.items) != 1 or content.run.dry_run:
            raise Refused("jira: an issue is about one key")
        [item] = content.items
        account = content.run.account.id
        return _Notice(
            channel=self,
            project=recipient.address,
            assignee=item.channels.jira_assignee if item.channels else None,
            account=account,
            key_id=item.key_id,
            summary=f"AWS access key {item.key_id} of {item.user} in account {account}",
            lines=tuple(_lines_of(self._brief(content))),
            mark=_mark(account, item),
            is_the_end=_is_gone(item),
        )

    def deliver(self, notice: "_Notice") -> str:
        """
        Begin the key's issue with it, or add it to the issue, and close that if the key is gone.

        Answers with the issue's key. Raises NoSuchRecipient where the issue is gone, or takes no
        comment, or there is none of a key that is gone; a PortError likewise.
        """
        issue = self._issue_of(notice) or self._begun(notice)
        if isinstance(issue, _Issue):  # otherwise it was made just now, with what it says
            self._say(issue, notice)
            if notice.is_the_end and not issue.is_done:
                self._close(issue, notice)
        return issue.key

    def _issue_of(self, notice: "_Notice") -> "_Issue | None":
        """The key's issue as it was stored; None: nothing was stored."""
        known = self._conversations.find(self._of_site, notice.account, notice.key_id)
        if known is None:
            return None
        reference, _, began_with = known.partition(" ")
        if issue := self._jira.issue(reference):
            return replace(issue, text=began_with)  # people may edit what stands in it
        issue = self._found(notice)
        if issue is None:
            # Jira answers the same for an issue that was deleted and one that we may not see. A
            # new one for each notice would be what nobody wants, in either case.
            raise NoSuchRecipient(
                f"jira: the issue {reference} of {notice.key_id} was deleted, or is hidden from "
                "us: no other is made"
            )
        return issue

    def _begun(self, notice: "_Notice") -> "_Issue | _Made":
        """Find the key's issue after all, or make it."""
        where = (self._of_site, notice.account, notice.key_id)
        try:
            right = self._conversations.reserve(*where, self._clock())
        except AlreadyThere:
            raise Throttled("jira: another has just begun the issue") from None
        try:
            issue = self._found(notice) or self._made(notice)
        except Unavailable:
            raise  # it may have been made, and can be found when the right runs out
        except PortError:
            with suppress(PortError):
                self._conversations.give_back(*where, right)
            raise
        # What is not stored now is found by its label when the right has run out.
        is_said = isinstance(issue, _Made) or notice.mark in issue.text
        with suppress(PortError):
            reference = f"{issue.id} {notice.mark}" if is_said else issue.id
            self._conversations.begin(*where, reference)
        return issue

    def _found(self, notice: "_Notice") -> "_Issue | None":
        label = _label(notice.account, notice.key_id)
        return self._jira.labelled(label, about=notice.key_id, project=notice.project)

    def _made(self, notice: "_Notice") -> "_Made":
        if notice.is_the_end:
            raise NoSuchRecipient(
                f"jira: {notice.key_id} is gone, and no issue was begun about it"
            )
        fields: dict[str, object] = {
            "project": {"key": notice.project},
            "issuetype": {"name": self._issue_type},
            "summary": notice.summary,
            "description": self._jira.written((*notice.lines, _WHAT_FOLLOWS), notice.mark),
            "labels": ["keyturn", _label(notice.account, notice.key_id)],
        }
        if notice.assignee is None:
            return self._jira.create(fields)
        try:
            return self._jira.create(fields | {"assignee": self._jira.person(notice.assignee)})
        except _WrongFields as error:
            if error.fields != {"assignee"}:
                raise
            made = self._jira.create(fields)
            self._complain(f"jira: {made.key} has no assignee: {notice.assignee} was refused")
            return made

    def _say(self, issue: "_Issue", notice: "_Notice") -> None:
        """Comment, unless the issue says so already. Raises NoSuchRecipient if it takes none."""
        if notice.mark in issue.text:
            return
        try:
            self._jira.comment(issue, notice.lines, notice.mark)
        except Refused as error:
            if not issue.is_done:
                raise
            raise NoSuchRecipient(f"{error}: {issue.key} is closed, and takes none") from None

    def _close(self, issue: "_Issue", notice: "_Notice") -> None:
        try:
            why = None if self._jira.close(issue) else "its workflow has no way to a done status"
        except Refused as error:
            why = str(error)
        if why is None:
            return
        self._complain(f"jira: {issue.key} could not be closed: {why}")
        line = "Keyturn could not close this issue. The key is gone: close the issue by hand."
        self._jira.comment(issue, [line], f"{notice.mark}{_CLOSED_LATER}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Notice:
    """Meets `ports.RenderedNotice`."""

    channel: JiraChannel = field(repr=False)
    project: str
    assignee: str | None
    account: str
    key_id: str
    summary: str
    lines: tuple[str, ...]
    mark: str
    """What stands in the text, by which it is known that this was said."""
    is_the_end: bool
    """Whether the key is gone."""

    def send(self) -> str:
        """Send, and answer with the issue's key."""
        return self.channel.deliver(self)


# --- what Jira is asked ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """An issue that was made."""

    id: str
    """Stays, when the issue is moved to another project."""
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issue:
    """An issue that is there."""

    id: str
    key: str
    is_done: bool
    labels: frozenset[str]
    """Those that name a key."""
    text: str = field(repr=False)
    """Summary and description as JSON, or the mark of what it began with, where that is known."""


class _WrongFields(Refused):
    """Some fields of an issue are refused."""

    def __init__(self, message: str, fields: frozenset[str]) -> None:
        super().__init__(message)
        self.fields = fields


class _Missing(Refused):
    """There is no such thing, or we may not see it."""


_NO_SITE: Final = (
    "JiraUrl has to be Jira's own address, without /browse or /rest; with a token of Cloud the "
    "secret needs the account's e-mail address"
)
"""What to look at where a site lacks what every site has."""


class _Jira:
    """One site, of either kind, as far as it is asked here."""

    def __init__(self, values: Values, site: str, call: Call) -> None:
        self._values = values
        self._site = site
        self._call = call

    @property
    def _is_cloud(self) -> bool:
        return EMAIL in self._values.read()

    def issue(self, issue: str) -> _Issue | None:
        """The issue of an id; None: there is none, or it is hidden from us."""
        if not _ISSUE_ID.fullmatch(issue):
            return None
        asked_by = self._values.read()
        try:
            return _issue(self._read(f"issue/{issue}", fields=_FIELDS_READ))
        except _Missing:
            self._check_that_nothing_is_hidden_from(asked_by)
            return None

    def labelled(self, label: str, *, about: str, project: str) -> _Issue | None:
        """
        The first issue of a project that we made about a key; None: there is none.

        Others could put the label to theirs, or clone ours: so it is of our own making. They
        could put it to one that we made about their own key: so it is in the key's project, where
        whoever may edit it may edit the right one, too, and it names this key and no other.
        """
        jql = (
            f'project = "{project}" AND labels = "{label}" AND creator = currentUser() '
            "ORDER BY created ASC"
        )
        # The older /search was taken from Cloud in 2025:
        # https://developer.atlassian.com/changelog/#CHANGE-2046
        asked_by = self._values.read()
        search = "search/jql" if EMAIL in asked_by else "search"
        page: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            try:
                answer = self._read_of_site(
                    search, jql=jql, fields=_FIELDS_READ, maxResults=str(_ISSUES_READ), **page
                )
            except _WrongFields as error:
                self._check_that_nothing_is_hidden_from(asked_by)
                why = f"is there a project {project}, and may we browse it?"
                raise Refused(f"{error}: {why}") from None
            issues, following = answer.get("issues"), answer.get("nextPageToken")
            if not isinstance(issues, list):
                raise Throttled("jira: the answer to the search has no issues (nothing was sent)")
            for issue in map(_issue, issues):
                if issue.labels == {label} and about in issue.text:
                    return issue
            if not following:
                break
            page = {"nextPageToken": str(following)}  # what we may not see left a page empty
        else:
            raise Throttled("jira: the search has no end (nothing was sent)")
        self._check_that_nothing_is_hidden_from(asked_by)
        return None

    def create(self, fields: Mapping[str, object]) -> _Made:
        """Make an issue. Raises _WrongFields, and what `_written` raises."""
        answer = self._write("issue", {"fields": fields})
        made, key = answer.get("id"), answer.get("key")
        if not isinstance(made, str) or not _ISSUE_ID.fullmatch(made) or not _is_key(key):
            raise Unavailable("jira: the answer names no issue")
        return _Made(id=made, key=str(key))

    def comment(self, issue: _Issue, lines: Sequence[str], mark: str) -> None:
        """Add a comment, unless one of ours with its mark is there: anybody can make marks."""
        place = f"issue/{issue.id}/comment"
        answer = self._read(place, orderBy="-created", maxResults=str(_COMMENTS_READ))
        comments = answer.get("comments")
        if not isinstance(comments, list):
            raise Throttled("jira: the answer has no comments (nothing was sent)")
        said = [
            each
            for each in comments
            if isinstance(each, dict) and _says(json.dumps(each.get("body")), mark)
        ]
        me = self._me() if said else None
        if not any(_writers(each) == {me} for each in said):
            self._write(place, {"body": self.written(lines, mark)})

    def close(self, issue: _Issue) -> bool:
        """Bring it into a status that is done; False: there is no way that needs nothing more."""
        place = f"issue/{issue.id}/transitions"
        answer = self._read(place, expand="transitions.fields")
        found = answer.get("transitions")
        ways = (
            [way for each in found if (way := _way_out(each))] if isinstance(found, list) else []
        )
        if not ways:
            return False
        way = min(ways, key=lambda each: not each.is_usual)
        fields = {"fields": {"resolution": way.resolution}} if way.resolution else {}
        self._write(place, {"transition": {"id": way.id}, **fields})
        return True

    def person(self, name: str) -> Mapping[str, str]:
        """Somebody, as a field holds them."""
        return {"accountId": name} if self._is_cloud else {"name": name}

    def written(self, lines: Sequence[str], mark: str) -> object:
        """A text as this kind of site takes it, in which nothing is a link or a mention."""
        whole = [*_that_fit(lines), f"Keyturn notice {mark}"]
        return document_of(whole) if self._is_cloud else preformatted(whole)

    def _check_that_nothing_is_hidden_from(self, asked_by: Mapping[str, str]) -> None:
        """
        Raise unless whoever asked is somebody there: a stranger is answered that there is nothing.

        https://support.atlassian.com/jira/kb/jira-cloud-jql-search-rest-api-returns-200-ok-without-api-token/
        """
        self._me()
        if self._values.read() != asked_by:
            raise RateExceeded("jira: the token is a new one: it is asked again", retry_after=0)

    def _me(self) -> str:
        if (me := _person(self._read_of_site("myself"))) is None:
            raise Refused("jira: the token is nobody's there")
        return me

    def _read(self, place: str, **query: str) -> Mapping[str, Any]:
        """Ask for something; nothing is sent by asking, whatever comes of it."""
        try:
            return self._asked("GET", f"{place}?{urlencode(query, quote_via=quote)}", None)
        except Unavailable as error:
            raise Throttled(f"{error} (nothing was sent)") from None

    def _read_of_site(self, place: str, **query: str) -> Mapping[str, Any]:
        """Ask for what every site has: where that is not there, this is no site."""
        try:
            return self._read(place, **query)
        except _Missing as error:
            raise _Missing(f"{error}: {_NO_SITE}") from None

    def _write(self, place: str, form: Mapping[str, object]) -> Mapping[str, Any]:
        return self._asked("POST", place, json.dumps(form).encode())

    def _asked(self, method: str, place: str, body: bytes | None) -> Mapping[str, Any]:
        values = self._values.read()
        answer = self._answer(method, place, body, values)
        if answer.status in _NO_ACCESS:
            # A new token may be in use already; an old one was refused before anything was done.
            self._values.forget()
            if (renewed := self._values.read()) != values:
                answer = self._answer(method, place, body, renewed)
        return _checked(f"{method} {place.partition('?')[0]}", answer)

    def _answer(
        self, method: str, place: str, body: bytes | None, values: Mapping[str, str]
    ) -> Answer:
        headers = {
            "Authorization": _authorization(values),
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "Keyturn",
        }
        version = "3" if EMAIL in values else "2"
        url = f"{self._site}/rest/api/{version}/{place.removesuffix('?')}"
        return self._call(method, url, body, headers)


def _authorization(values: Mapping[str, str]) -> str:
    if EMAIL not in values:
        return f"Bearer {values[TOKEN]}"
    return f"Basic {b64encode(f'{values[EMAIL]}:{values[TOKEN]}'.encode()).decode()}"


def _checked(what: str, answer: Answer) -> Mapping[str, Any]:
    """What was answered. Raises RateExceeded, Refused and Unavailable by its status."""
    status = answer.status
    said = f"jira: {what} was answered with {status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise RateExceeded(said, retry_after=answer.retry_after)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.OK:
        raise Unavailable(said)
    if status == HTTPStatus.NOT_FOUND:
        raise _Missing(said)
    found = _json(answer.body)
    if status >= HTTPStatus.BAD_REQUEST:
        # The names of fields alone: what Jira says of them may hold anything.
        errors = found.get("errors") if found else None
        named = filter(_FIELD.fullmatch, errors) if isinstance(errors, dict) else ()
        fields = frozenset(named)
        raise _WrongFields(f"{said} ({', '.join(sorted(fields))})" if fields else said, fields)
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        raise Refused(f"{said}: no redirect is followed")
    if found is None and answer.body:
        raise Unavailable(f"{said}, and no JSON")
    return found or {}


def _json(body: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _issue(form: object) -> _Issue:
    """Read an issue. Raises Throttled, for what is asked may be there all the same."""
    try:
        found: Any = form
        category = found["fields"]["status"]["statusCategory"]["key"]
        issue, key = str(found["id"]), found["key"]
    except (KeyError, TypeError):
        issue = key = category = ""
    if not _ISSUE_ID.fullmatch(issue) or not _is_key(key):
        raise Throttled("jira: the answer is no issue (nothing was sent)")
    fields = found["fields"]
    labels = fields.get("labels") or []
    return _Issue(
        id=issue,
        key=key,
        is_done=category == _DONE,
        labels=frozenset(each for each in map(str, labels) if _KEY_LABEL.fullmatch(each)),
        text=json.dumps([fields.get("summary"), fields.get("description")]),
    )


def _person(form: object) -> str | None:
    """Who somebody is: on Data Center by what stays when they are renamed."""
    names = (
        [form.get(each) for each in ("accountId", "key", "name")] if isinstance(form, dict) else []
    )
    return next((each for each in names if isinstance(each, str)), None)


def _writers(comment: Mapping[str, object]) -> set[str | None]:
    """Who wrote a comment, and who changed it last."""
    author = comment.get("author")
    return {_person(author), _person(comment.get("updateAuthor") or author)}


def _is_key(key: object) -> bool:
    return isinstance(key, str) and _ISSUE_KEY.fullmatch(key) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class _WayOut:
    """A transition to a status that is done."""

    id: str
    is_usual: bool
    resolution: Mapping[str, str] | None
    """What it asks for."""


def _way_out(form: object) -> _WayOut | None:
    """Read a transition; None: it leads elsewhere, or asks for what nobody here knows."""
    try:
        found: Any = form
        status, fields = found["to"], found.get("fields") or {}
        if status["statusCategory"]["key"] != _DONE:
            return None
        asked = {
            name: each
            for name, each in fields.items()
            if each.get("required") and not each.get("hasDefaultValue")
        }
        allowed = asked.get("resolution", {}).get("allowedValues") or []
        if asked.keys() - {"resolution"} or ("resolution" in asked and not allowed):
            return None
        usual = min(allowed, key=lambda each: not _is_usual(each["name"]), default=None)
        return _WayOut(
            id=str(found["id"]),
            is_usual=_is_usual(status["name"]),
            resolution={"id": str(usual["id"])} if usual else None,
        )
    except (AttributeError, KeyError, TypeError):
        return None


def _is_usual(name: object) -> bool:
    return str(name).casefold() in _USUAL_ENDS


# --- what is said ---------------------------------------------------------------------------

_WHAT_FOLLOWS: Final = (
    "Keyturn says here what follows about this key, and closes the issue when the key is gone."
)


def _label(account: str, key_id: str) -> str:
    """What an issue is found by; digits and capitals, so it ends no text of JQL."""
    return f"keyturn-{account}-{key_id}"


def _mark(account: str, item: NoticeItem) -> str:
    """What tells a notice from the others of its key: as its claim does, by step and dates."""
    days = sorted({item.notice.day, *item.notice.promises.values()})
    told = "\n".join((account, item.user, item.key_id, item.notice.step, *map(str, days)))
    return sha256(told.encode()).hexdigest()[:_MARK_LENGTH]


def _says(text: str, mark: str) -> bool:
    """Whether a text bears a mark, and not one that begins with it."""
    return re.search(rf"{re.escape(mark)}(?!{_CLOSED_LATER})", text) is not None


def _is_gone(item: NoticeItem) -> bool:
    return item.notice.type is NoticeType.DELETED or item.reason is Reason.ORPHAN_OVER


def _lines_of(brief: Brief) -> Iterator[str]:
    yield from brief.top
    for note in brief.notes:
        yield f"{note.user}, {note.key_id}: {note.todo}"
        yield from note.what
        yield from (f"• {each}" for each in note.dates)
        yield from (f"{number}. {each}" for number, each in enumerate(note.steps, 1))


def _that_fit(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    room = _LONGEST_TEXT
    for line in lines:
        text = " ".join(line[:_LONGEST_LINE].split())
        room -= len(text) + 1
        if room < 0:
            return [*kept, "… the mail says the rest"]
        kept.append(text)
    return kept


def document_of(lines: Sequence[str]) -> Mapping[str, object]:
    """The lines as a document: https://developer.atlassian.com/cloud/jira/platform/apis/document."""
    paragraphs = [{"type": "paragraph", "content": [*_runs(line)]} for line in lines]
    return {"type": "doc", "version": 1, "content": paragraphs}


def _runs(line: str) -> Iterator[Mapping[str, object]]:
    """A line as text, and code where marks say so. Text makes no link and no mention."""
    for number, text in enumerate(_CODE.split(line)):
        if text:
            marks = {"marks": [{"type": "code"}]} if number % 2 else {}
            yield {"type": "text", "text": text, **marks}


def preformatted(lines: Sequence[str]) -> str:
    """
    The lines for Data Center's wiki, in which nothing of them is read as its markup.

    That is so between two {noformat}, but for another one; a mention is looked for there, too.
    """
    # A command stays in one line, to be copied.
    parts = (
        [line] if "`" in line else wrap(line, _WIDTH, break_long_words=False) for line in lines
    )
    wrapped = [part for each in parts for part in each]
    text = "\n".join(wrapped).replace("{", "{ ").replace("[~", "[ ~")
    return f"{{noformat}}\n{text}\n{{noformat}}"
