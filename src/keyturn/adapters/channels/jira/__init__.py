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

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from keyturn.adapters.channels.jira.site import EMAIL, TOKEN, Issue, Made, Site, WrongFields
from keyturn.adapters.channels.jira.words import (
    CLOSED_LATER,
    WHAT_FOLLOWS,
    is_gone,
    label_of,
    lines_of,
    mark_of,
)
from keyturn.domain.errors import (
    AlreadyThere,
    NoSuchRecipient,
    PortError,
    Refused,
    Throttled,
    Unavailable,
)
from keyturn.domain.events import Brief, Digest
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import Clock, Conversations, RenderedNotice
from keyturn.ports.sending import Call, Turns, Values

__all__ = ["EMAIL", "TOKEN", "JiraChannel"]


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
        self._jira = Site(values, self._site, call)
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
            lines=tuple(lines_of(self._brief(content))),
            mark=mark_of(account, item),
            is_the_end=is_gone(item),
        )

    def deliver(self, notice: "_Notice") -> str:
        """
        Begin the key's issue with it, or add it to the issue, and close that if the key is gone.

        Answers with the issue's key. Raises NoSuchRecipient where the issue is gone, or takes no
        comment, or there is none of a key that is gone; a PortError likewise.
        """
        issue = self._issue_of(notice) or self._begun(notice)
        if isinstance(issue, Issue):  # otherwise it was made just now, with what it says
            self._say(issue, notice)
            if notice.is_the_end and not issue.is_done:
                self._close(issue, notice)
        return issue.key

    def _issue_of(self, notice: "_Notice") -> "Issue | None":
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

    def _begun(self, notice: "_Notice") -> "Issue | Made":
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
        is_said = isinstance(issue, Made) or notice.mark in issue.text
        with suppress(PortError):
            reference = f"{issue.id} {notice.mark}" if is_said else issue.id
            self._conversations.begin(*where, reference)
        return issue

    def _found(self, notice: "_Notice") -> "Issue | None":
        label = label_of(notice.account, notice.key_id)
        return self._jira.labelled(label, about=notice.key_id, project=notice.project)

    def _made(self, notice: "_Notice") -> "Made":
        if notice.is_the_end:
            raise NoSuchRecipient(
                f"jira: {notice.key_id} is gone, and no issue was begun about it"
            )
        fields: dict[str, object] = {
            "project": {"key": notice.project},
            "issuetype": {"name": self._issue_type},
            "summary": notice.summary,
            "description": self._jira.written((*notice.lines, WHAT_FOLLOWS), notice.mark),
            "labels": ["keyturn", label_of(notice.account, notice.key_id)],
        }
        if notice.assignee is None:
            return self._jira.create(fields)
        try:
            return self._jira.create(fields | {"assignee": self._jira.person(notice.assignee)})
        except WrongFields as error:
            if error.fields != {"assignee"}:
                raise
            made = self._jira.create(fields)
            self._complain(f"jira: {made.key} has no assignee: {notice.assignee} was refused")
            return made

    def _say(self, issue: "Issue", notice: "_Notice") -> None:
        """Comment, unless the issue says so already. Raises NoSuchRecipient if it takes none."""
        if notice.mark in issue.text:
            return
        try:
            self._jira.comment(issue, notice.lines, notice.mark)
        except Refused as error:
            if not issue.is_done:
                raise
            raise NoSuchRecipient(f"{error}: {issue.key} is closed, and takes none") from None

    def _close(self, issue: "Issue", notice: "_Notice") -> None:
        try:
            why = None if self._jira.close(issue) else "its workflow has no way to a done status"
        except Refused as error:
            why = str(error)
        if why is None:
            return
        self._complain(f"jira: {issue.key} could not be closed: {why}")
        line = "Keyturn could not close this issue. The key is gone: close the issue by hand."
        self._jira.comment(issue, [line], f"{notice.mark}{CLOSED_LATER}")


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
