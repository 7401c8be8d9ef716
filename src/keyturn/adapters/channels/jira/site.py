"""What Jira is asked, and what it answers: a site of either kind, Cloud or Data Center."""

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

from keyturn.adapters.channels.jira.words import document_of, preformatted, says, that_fit
from keyturn.domain.errors import RateExceeded, Refused, Throttled, Unavailable
from keyturn.ports.sending import Answer, Call, Values

TOKEN: Final = "token"  # noqa: S105 -- the name of a field
EMAIL: Final = "email"
"""Of whom a token of Cloud is; a secret without it holds one of Data Center."""
_COMMENTS_READ: Final = 20
"""The newest: a notice whose answer was lost comes again within two hours."""
_MOST_PAGES: Final = 5
"""Of a search; one label has one issue of ours, unless people put it to others."""
_ISSUES_READ: Final = 50
"""Of a page."""
_DONE: Final = "done"
"""The key of the category of all statuses in which an issue is closed; no language changes it."""
_ISSUE_ID: Final = re.compile(r"[0-9]{1,20}")
_ISSUE_KEY: Final = re.compile(r"[A-Z][A-Z0-9_]{0,254}-[0-9]{1,12}")
_KEY_LABEL: Final = re.compile(r"keyturn-[0-9]{12}-[A-Z0-9]+")
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")
_FIELDS_READ: Final = "status,summary,description,labels"
_NO_ACCESS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_USUAL_ENDS: Final = ("done", "closed", "resolved")
"""What a status is called that says no more than that: preferred to "won't do" and its like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An issue that was made."""

    id: str
    """Stays, when the issue is moved to another project."""
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue that is there."""

    id: str
    key: str
    is_done: bool
    labels: frozenset[str]
    """Those that name a key."""
    text: str = field(repr=False)
    """Summary and description as JSON, or the mark of what it began with, where that is known."""


class WrongFields(Refused):
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


class Site:
    """One site, of either kind, as far as it is asked here."""

    def __init__(self, values: Values, site: str, call: Call) -> None:
        self._values = values
        self._site = site
        self._call = call

    @property
    def _is_cloud(self) -> bool:
        return EMAIL in self._values.read()

    def issue(self, issue: str) -> Issue | None:
        """The issue of an id; None: there is none, or it is hidden from us."""
        if not _ISSUE_ID.fullmatch(issue):
            return None
        asked_by = self._values.read()
        try:
            return _issue(self._read(f"issue/{issue}", fields=_FIELDS_READ))
        except _Missing:
            self._check_that_nothing_is_hidden_from(asked_by)
            return None

    def labelled(self, label: str, *, about: str, project: str) -> Issue | None:
        """
        The first issue of a project that we made about a key; None: there is none.

        Others could put the label to theirs, or clone ours: so it is of our own making. They
        could put it to one that we made about their own key: so it is in the key's project, where
        whoever may edit it may edit the right one, too, and it names this key and no other.

        Raises Refused where the project cannot be searched, Throttled where the answer does not
        say which issues there are: nothing was sent.
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
            except WrongFields as error:
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

    def create(self, fields: Mapping[str, object]) -> Made:
        """Make an issue. Raises WrongFields, and Unavailable where the answer names none."""
        answer = self._write("issue", {"fields": fields})
        made, key = answer.get("id"), answer.get("key")
        if not isinstance(made, str) or not _ISSUE_ID.fullmatch(made) or not _is_key(key):
            raise Unavailable("jira: the answer names no issue")
        return Made(id=made, key=str(key))

    def comment(self, issue: Issue, lines: Sequence[str], mark: str) -> None:
        """
        Add a comment, unless one of ours with its mark is there: anybody can make marks.

        Raises Throttled where the answer does not say which are there: nothing was sent.
        """
        place = f"issue/{issue.id}/comment"
        answer = self._read(place, orderBy="-created", maxResults=str(_COMMENTS_READ))
        comments = answer.get("comments")
        if not isinstance(comments, list):
            raise Throttled("jira: the answer has no comments (nothing was sent)")
        said = [
            each
            for each in comments
            if isinstance(each, dict) and says(json.dumps(each.get("body")), mark)
        ]
        me = self._me() if said else None
        if not any(_writers(each) == {me} for each in said):
            self._write(place, {"body": self.written(lines, mark)})

    def close(self, issue: Issue) -> bool:
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
        """Somebody, as a field holds them: by what they are known → their name."""
        return {"accountId": name} if self._is_cloud else {"name": name}

    def written(self, lines: Sequence[str], mark: str) -> object:
        """A text as this kind of site takes it, in which nothing is a link or a mention."""
        whole = [*that_fit(lines), f"Keyturn notice {mark}"]
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
        raise WrongFields(f"{said} ({', '.join(sorted(fields))})" if fields else said, fields)
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


def _issue(form: object) -> Issue:
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
    return Issue(
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
