"""Jira, of both kinds, behind a real HTTP server on loopback, as far as it is asked here."""

import json
import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.receivers import Receiver, Reply, Request

SITE = "https://jira.example.com/jira"
TOKEN = "api-token-of-" + "keyturn"
EMAIL = "keyturn@example.com"
JQL = re.compile(
    r'project = "(\w+)" AND labels = "([\w-]+)" '
    r"AND creator = currentUser\(\) ORDER BY created ASC"
)
CATEGORIES = {"To Do": "new", "Won't do": "done", "Done": "done"}


@dataclass(kw_only=True)
class Issue:
    """One issue."""

    id: str
    key: str
    fields: dict[str, Any]
    status: str = "To Do"
    comments: list[Any] = field(default_factory=list)
    others: list[Any] = field(default_factory=list)
    """Comments of other people, newer than ours."""
    is_edited: bool = False
    """Whether somebody else changed our comments."""
    is_hidden: bool = False
    """From us; deleted, or by a permission."""
    is_indexed: bool = True

    @property
    def said(self) -> str:
        """All that stands in it."""
        return json.dumps([self.fields, self.comments], ensure_ascii=False)


class Jira:
    """A site, its issues, and what it answers next."""

    def __init__(self, receiver: Receiver, *, cloud: bool = True) -> None:
        self.receiver = receiver
        self.cloud = cloud
        self.issues: list[Issue] = []
        self.projects = {"KEYS", "PAY"}
        self.people = {"5b10ac8d82e05b22cc7d4ef5"}
        self.transitions: list[dict[str, Any]] = [
            _way("11", "In progress", "indeterminate"),
            _way("21", "Won't do", "done"),
            _way("31", "Done", "done"),
        ]
        self.indexes = True
        """Whether its search knows of what is new."""
        self.token = TOKEN
        self.after: dict[str, list[Reply]] = {}
        """What is done, and what is answered instead, a few times: "POST issue" → replies."""
        self.instead: dict[str, list[Reply]] = {}
        """What is not done, and what is answered instead, a few times."""
        receiver.always = self.answer

    @property
    def secret(self) -> str:
        """The secret as an operator stores it."""
        return json.dumps({"email": EMAIL, "token": TOKEN}) if self.cloud else TOKEN

    def calls(self, what: str) -> int:
        return sum(self._what(each) == what for each in self.receiver.got)

    def answer(self, request: Request) -> Reply:
        what = self._what(request)
        if replies := self.instead.get(what):
            return replies.pop(0)
        reply = self._done(what, request)
        if replies := self.after.get(what):
            return replies.pop(0)
        return reply

    def _what(self, request: Request) -> str:
        """The method and the place, without the issue's id: "POST issue/comment"."""
        path = urlsplit(request.path).path.removeprefix(self._root)
        return f"{request.method} {re.sub(r'issue/[^/]+', 'issue/', path).strip('/')}".replace(
            "issue//", "issue/"
        )

    @property
    def _root(self) -> str:
        return f"/jira/rest/api/{3 if self.cloud else 2}/"

    def _done(self, what: str, request: Request) -> Reply:  # noqa: C901, PLR0911 -- a site
        if not urlsplit(request.path).path.startswith(self._root):
            return Reply(status=404)
        is_known = request.headers.get("authorization") == self._authorization()
        query = {name: texts[0] for name, texts in parse_qs(urlsplit(request.path).query).items()}
        if what == "GET myself":
            return _answer(self._person("1")) if is_known else _no(401)
        if what == ("GET search/jql" if self.cloud else "GET search"):
            found = JQL.fullmatch(query["jql"])
            assert found, query
            if found[1] not in self.projects:
                return _no(400)
            there = [each for each in self.issues if each.key.startswith(f"{found[1]}-")]
            theirs = [each for each in there if found[2] in each.fields["labels"]]
            seen = [each for each in theirs if is_known and each.is_indexed]
            return _answer({"issues": [_shown(each) for each in seen if not each.is_hidden]})
        if what == "POST issue":
            return self._made(request) if is_known else _no(401)
        issue = self._issue(request) if is_known else None
        if issue is None:
            return _no(404)
        match what:
            case "GET issue":
                return _answer(_shown(issue))
            case "GET issue/comment":
                assert query["orderBy"] == "-created"
                editor = "2" if issue.is_edited else "1"
                newest = [self._comment(each, "2", "2") for each in issue.others[::-1]]
                newest += [self._comment(each, "1", editor) for each in issue.comments[::-1]]
                return _answer({"comments": newest[: int(query["maxResults"])]})
            case "POST issue/comment":
                issue.comments.append(request.json["body"])
                return _answer({"id": "1"}, status=201)
            case "GET issue/transitions":
                return _answer({"transitions": self.transitions})
            case "POST issue/transitions":
                [way] = [
                    each
                    for each in self.transitions
                    if each["id"] == request.json["transition"]["id"]
                ]
                if "resolution" in way["fields"] and not request.json.get("fields"):
                    return _no(400, resolution="Resolution is required")
                issue.status = way["to"]["name"]
                return Reply(status=204)
        return Reply(status=405)

    def _made(self, request: Request) -> Reply:
        fields = request.json["fields"]
        if fields["project"]["key"] not in self.projects:
            return _no(400, project="valid project is required <script>")
        assignee = fields.get("assignee")
        if assignee and assignee.get("accountId" if self.cloud else "name") not in self.people:
            return _no(400, assignee="User cannot be assigned issues")
        assert isinstance(fields["description"], dict if self.cloud else str)
        number = len(self.issues) + 1
        issue = Issue(
            id=str(10_000 + number), key=f"{fields['project']['key']}-{number}", fields=fields
        )
        issue.is_indexed = self.indexes
        self.issues.append(issue)
        return _answer({"id": issue.id, "key": issue.key}, status=201)

    def _comment(self, body: object, author: str, editor: str) -> dict[str, object]:
        return {
            "body": body,
            "author": self._person(author),
            "updateAuthor": self._person(editor),
        }

    def _person(self, number: str) -> dict[str, str]:
        if self.cloud:
            return {"accountId": number, "displayName": "Keyturn"}
        return {"key": f"JIRAUSER{number}", "name": f"user-{number}", "displayName": "Keyturn"}

    def _issue(self, request: Request) -> Issue | None:
        found = re.search(r"/issue/(\w+)", request.path)
        return next(
            (e for e in self.issues if found and e.id == found[1] and not e.is_hidden), None
        )

    def _authorization(self) -> str:
        if not self.cloud:
            return f"Bearer {self.token}"
        return f"Basic {b64encode(f'{EMAIL}:{self.token}'.encode()).decode()}"


def _way(number: str, name: str, category: str, **fields: object) -> dict[str, Any]:
    to = {"name": name, "statusCategory": {"key": category}}
    return {"id": number, "name": f"to {name}", "to": to, "fields": fields}


def required(**more: object) -> dict[str, object]:
    """A field of a transition that has to be filled in."""
    return {"required": True, "hasDefaultValue": False, **more}


def way_to_done(**fields: object) -> dict[str, Any]:
    """A transition that asks for such fields."""
    return _way("41", "Done", "done", **fields)


def _shown(issue: Issue) -> dict[str, Any]:
    category = {"key": CATEGORIES.get(issue.status, "indeterminate")}
    fields = {
        "status": {"name": issue.status, "statusCategory": category},
        **{name: issue.fields[name] for name in ("summary", "description", "labels")},
    }
    return {"id": issue.id, "key": issue.key, "fields": fields}


def _answer(form: object, *, status: int = 200) -> Reply:
    return Reply(
        status=status,
        body=json.dumps(form).encode(),
        headers={"Content-Type": "application/json"},
    )


def _no(status: int, **errors: str) -> Reply:
    return _answer({"errorMessages": [], "errors": errors}, status=status)
