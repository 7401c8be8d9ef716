"""
Which channels beside mail are on, whom each reaches, and what it is made of.

A channel is switched on in one place, its own function here: so none can be made that reaches
nobody, and none can be meant to reach anybody that is not made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from keyturn.adapters.channels import jira, slack, teams, webhook
from keyturn.adapters.outbox import Outbox
from keyturn.adapters.pace import Pace
from keyturn.domain.events import Audience, Brief, NoticeItem
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.mail.letterhead import Letterhead
from keyturn.ports import Channel, Clock, Conversations
from keyturn.ports.sending import Call, Post, Values
from keyturn.settings import Settings
from keyturn.use_cases.channels import Way, WayToOwners
from keyturn.use_cases.show_in_channels import ShowInChannels

CHAT_MESSAGES = 1.0
"""A second, to each channel or member."""
JIRA_ISSUES = 1.0
"""A second, each with up to nine calls. Jira counts the calls, and says if it is too many."""
SLACK_LOOKUPS = 0.4
"""A second, of two instances together 48 a minute."""

_EVERYBODY = frozenset(Audience)
_ADMINS = frozenset({Audience.ADMIN})


class SecretOf(Protocol):
    """Opens a channel's secret."""

    def __call__(
        self, parameter: str, arn: str, fields: tuple[str, ...], may_have: tuple[str, ...] = ()
    ) -> Values:
        """parameter: what names the secret's ARN, for whoever has to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelParts:
    """What channels are made of."""

    secret: SecretOf
    post: Post
    call: Call
    conversations: Conversations
    brief: Callable[[NoticeContent], Brief]
    subject: Callable[[NoticeContent], str]
    clock: Clock
    complain: Callable[[str], None]
    """Hears what a channel took, but not all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOn:
    """A channel that is on."""

    ways: tuple[Way | WayToOwners, ...]
    """Whom it reaches; one at least."""
    made_of: Callable[[ChannelParts], Channel]
    shown_by: Callable[[ChannelParts], Channel] | None = None
    """What writes its messages for a preview; None: it does so itself."""


def channels_on(settings: Settings) -> tuple[ChannelOn, ...]:
    """The channels that the settings switch on."""
    return tuple(
        on for switch in (_webhook, _teams, _slack, _jira) if (on := switch(settings)) is not None
    )


def _webhook(settings: Settings) -> ChannelOn | None:
    if not (arn := settings.webhook_secret):
        return None
    return ChannelOn(
        ways=(Way(channel=ChannelName.WEBHOOK, audiences=_EVERYBODY),),
        made_of=lambda parts: webhook.WebhookChannel(
            parts.secret("WebhookSecretArn", arn, webhook.FIELDS),
            post=parts.post,
            subject=parts.subject,
            clock=parts.clock,
        ),
    )


def _teams(settings: Settings) -> ChannelOn | None:
    if not (arn := settings.teams_webhook_secret):
        return None
    return ChannelOn(
        ways=(Way(channel=ChannelName.TEAMS, audiences=_ADMINS),),
        made_of=lambda parts: teams.TeamsChannel(
            parts.secret("TeamsWebhookSecretArn", arn, (teams.URL,)),
            brief=parts.brief,
            post=parts.post,
            turns=Pace(lambda: CHAT_MESSAGES, parts.clock),
        ),
    )


def _slack(settings: Settings) -> ChannelOn | None:
    """By its bot, who reaches owners, or by a hook, which reaches one channel."""
    if arn := settings.slack_token_secret:
        to_owners = WayToOwners(
            channel=ChannelName.SLACK,
            places=lambda item: item.channels.slack if item.channels else (),
            by_address=True,
            says_dry_runs=True,
        )
        place = settings.slack_admin_channel
        to = Recipient(ChannelName.SLACK, place) if place else None
        to_admins = Way(channel=ChannelName.SLACK, audiences=_ADMINS, place=to)
        return ChannelOn(
            ways=(to_owners, to_admins) if place else (to_owners,),
            made_of=lambda parts: slack.SlackChannel(
                parts.secret("SlackTokenSecretArn", arn, (slack.TOKEN,)),
                brief=parts.brief,
                conversations=parts.conversations,
                turns=lambda: Pace(lambda: CHAT_MESSAGES, parts.clock),
                lookups=Pace(lambda: SLACK_LOOKUPS, parts.clock),
                clock=parts.clock,
                api=slack.API,
            ),
            # They look the same, and only the library of Slack's knows how to send the bot's.
            shown_by=partial(_slack_hook, arn),
        )
    if arn := settings.slack_webhook_secret:
        return ChannelOn(
            ways=(Way(channel=ChannelName.SLACK, audiences=_ADMINS),),
            made_of=partial(_slack_hook, arn),
        )
    return None


def _slack_hook(arn: str, parts: ChannelParts) -> Channel:
    return slack.SlackWebhook(
        parts.secret("SlackWebhookSecretArn", arn, (slack.URL,)),
        brief=parts.brief,
        post=parts.post,
        turns=Pace(lambda: CHAT_MESSAGES, parts.clock),
    )


def _jira(settings: Settings) -> ChannelOn | None:
    if not (settings.jira_secret and settings.jira_url):
        return None
    arn, site = settings.jira_secret, settings.jira_url
    return ChannelOn(
        ways=(WayToOwners(channel=ChannelName.JIRA, places=partial(_jira_projects, settings)),),
        made_of=lambda parts: jira.JiraChannel(
            parts.secret("JiraSecretArn", arn, (jira.TOKEN,), (jira.EMAIL,)),
            site=site,
            issue_type=settings.jira_issue_type,
            brief=parts.brief,
            conversations=parts.conversations,
            call=parts.call,
            turns=Pace(lambda: JIRA_ISSUES, parts.clock),
            clock=parts.clock,
            complain=parts.complain,
        ),
    )


def _jira_projects(settings: Settings, item: NoticeItem) -> tuple[str, ...]:
    """The project of an item's owner, or that of all others."""
    of_owner = item.channels.jira_project if item.channels else None
    return tuple(filter(None, (of_owner or settings.jira_project,)))


def show_in_channels(letterhead: Letterhead, clock: Clock) -> ShowInChannels:
    """What shows the messages of all channels; nothing is asked, and nothing sent."""
    from keyturn.mail.brief import brief_of  # noqa: PLC0415 -- as in wiring.py
    from keyturn.mail.renderer import Mails  # noqa: PLC0415 -- as in wiring.py

    arn = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:made-up-000000"
    on = channels_on(
        Settings.read(
            {
                "WebhookSecretArn": arn,
                "TeamsWebhookSecretArn": arn,
                "SlackTokenSecretArn": arn,
                "SlackAdminChannel": "C0123ABCD",
                "JiraSecretArn": arn,
                "JiraUrl": "https://example.atlassian.net",
                "JiraProject": "KEYS",
            }
        )
    )
    outbox, mails = Outbox(), Mails(letterhead)
    parts = ChannelParts(
        secret=lambda *_: outbox,
        post=outbox.post,
        call=outbox.call,
        conversations=outbox,
        brief=partial(brief_of, mails),
        subject=lambda content: mails.words_of(content).subject,
        clock=clock,
        complain=lambda _: None,
    )
    channels = [(each.shown_by or each.made_of)(parts) for each in on]
    return ShowInChannels(
        channels={channel.name: channel for channel in channels},
        ways=tuple(way for each in on for way in each.ways),
        admin=Recipient(ChannelName.EMAIL, letterhead.admin),
        outbox=outbox,
    )
