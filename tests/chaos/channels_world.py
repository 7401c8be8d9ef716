"""
The channels beside mail, all of them on, each with a server of its own that can be broken.

A day's digest is played again and again from where it was prepared: the function gets its messages
with one call of one channel broken, gets back at once what failed, and once more when claims have
run out. Of one key nothing was said before; the other has a thread and an issue, and is gone.
"""

import re
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, Self

import pytest

from keyturn.adapters import https
from keyturn.adapters.channels import slack
from keyturn.functions import channels as function
from keyturn.functions import notifier
from keyturn.functions.connect import disconnect
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.faults import Fault, Faults, KilledError
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from keyturn_sandbox.simulation.deployment import (
    BUCKET,
    CHANNELS_ROLE,
    NOTIFIER_ROLE,
    deploy_channels,
)
from tests.functions.channels_stage import SECRET, Channels
from tests.functions.jira_site import EMAIL, SITE, Jira
from tests.functions.jira_site import TOKEN as JIRA_TOKEN
from tests.functions.test_jira import Sender
from tests.functions.test_slack import PLACE, Slack, given
from tests.functions.test_slack import TOKEN as SLACK_TOKEN
from tests.receivers import Receiver, Reply, Request, receiving
from tests.use_cases.harness import MEMBER, Clock, Harness, assert_described, batch, staged

CHANNELS = ("jira", "slack", "teams", "webhook")
PATH = "path-that-only-we-know"
SECRETS = (
    SECRET.removeprefix("whsec_"),
    SLACK_TOKEN,
    JIRA_TOKEN,
    b64encode(f"{EMAIL}:{JIRA_TOKEN}".encode()).decode(),
    PATH,
)
"""What nobody may read anywhere."""
SHORT_WAIT = 1.0
"""Seconds until a server that does not answer is given up, where one of them does not."""
MARK = re.compile(r"Keyturn notice (\w+(?:-open)?)")


class ServerFault(StrEnum):
    """What can happen at a request to a channel's own server."""

    FAILS = "fails"
    """One request is not done, and answered with 500."""
    FAILS_ON = "fails-on"
    """Likewise from this request on."""
    REFUSES = "refuses"
    """One request is not done, and answered with 403."""
    THROTTLES_A_WHILE = "throttles-a-while"
    """One request is answered with 429, to come again in a second."""
    THROTTLES = "throttles"
    """Likewise from this request on, to come again in a day."""
    HANGS = "hangs"
    """One request is not done, and gets no answer."""
    CUTS = "cuts"
    """One request is not done, and its connection is reset."""
    LOST_ANSWER = "lost-answer"
    """One request is done, and its connection is reset."""
    TOO_LATE = "too-late"
    """One request is done, and gets no answer."""
    GARBAGE = "garbage"
    """One request is done, and what is answered is no HTTP."""

    @property
    def is_done(self) -> bool:
        """Whether the server does what it is asked for, all the same."""
        return self in {ServerFault.LOST_ANSWER, ServerFault.TOO_LATE, ServerFault.GARBAGE}

    @property
    def lasts(self) -> bool:
        """Whether it befalls all requests from that one on."""
        return self in {ServerFault.FAILS_ON, ServerFault.THROTTLES}

    @property
    def hangs(self) -> bool:
        """Whether somebody has to wait for nothing."""
        return self in {ServerFault.HANGS, ServerFault.TOO_LATE}

    @property
    def reply(self) -> Reply:
        """What comes back."""
        return _REPLIES[self]


_REPLIES: Mapping[ServerFault, Reply] = {
    ServerFault.FAILS: Reply(status=500),
    ServerFault.FAILS_ON: Reply(status=500),
    ServerFault.REFUSES: Reply(status=403),
    ServerFault.THROTTLES_A_WHILE: Reply(status=429, headers={"Retry-After": "1"}),
    ServerFault.THROTTLES: Reply(status=429, headers={"Retry-After": "86400"}),
    ServerFault.HANGS: Reply(hangs=True),
    ServerFault.CUTS: Reply(cut=True),
    ServerFault.LOST_ANSWER: Reply(cut=True),
    ServerFault.TOO_LATE: Reply(hangs=True),
    ServerFault.GARBAGE: Reply(garbage=True),
}


@dataclass(kw_only=True)
class Server:
    """A channel's server: what it took, and the request at which it breaks."""

    channel: str
    receiver: Receiver
    answer: Callable[[Request], Reply]
    """As long as nothing is broken."""
    taken: Counter[str] = field(default_factory=Counter)
    """Of what it was told, and how often."""
    keys: list[str] = field(default_factory=list)
    """The keys that are spoken of."""
    requests: int = 0
    fault: ServerFault | None = None
    at: int = 0

    def __call__(self, request: Request) -> Reply:
        """Answer a request, or do harm."""
        self.requests += 1
        fault = self.fault
        here = fault is not None and (
            self.requests == self.at or (fault.lasts and self.requests > self.at)
        )
        if fault is None or not here:
            return self._done(request)
        if fault.is_done:
            self._done(request)
        return fault.reply

    def heal(self) -> None:
        """Break no more."""
        self.fault = None
        self.receiver.let_go.set()

    def forget(self) -> None:
        """Begin anew."""
        self.heal()
        self.receiver.let_go = threading.Event()
        self.receiver.got.clear()
        self.taken, self.requests = Counter(), 0

    def _done(self, request: Request) -> Reply:
        reply = self.answer(request)
        self.taken.update(_what_is_said(self.channel, request, self.keys))
        return reply


def _what_is_said(channel: str, request: Request, keys: Sequence[str]) -> list[str]:
    """To whom a message tells of which keys; nothing of Jira, which has that in its issues."""
    match channel:
        case "webhook":
            data = request.json["data"]
            told = [each for item in data["items"] for each in item.values()]
            return [f"{data['to']} {key}" for key in keys if key in told]
        case "teams":
            return [key for key in keys if key in request.body.decode()]
        case "slack" if request.path.endswith("/chat.postMessage"):
            posted = given(request)
            return [f"{posted['channel']} {key}" for key in keys if key in str(posted)]
        case _:
            return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One invocation: what it handed back, and how things stood when it ended."""

    failed: frozenset[str]
    """The ids of the messages that come again."""
    taken: Mapping[str, Counter[str]]
    """Channel → what its server has taken so far, and how often."""
    stored: frozenset[str]
    """The receipts so far."""
    lines: Sequence[Mapping[str, Any]]
    """What was logged."""
    measured: Counter[str]

    def stored_by(self, channel: str) -> frozenset[str]:
        """The receipts of one channel."""
        return frozenset(name for name in self.stored if f".{channel}." in name)

    def errors_of(self, channel: str) -> list[str]:
        """What an operator reads of a channel that did not say all."""
        return [
            str(line["message"])
            for line in self.lines
            if line["level"] == "ERROR" and line.get("channel") == channel
        ]


@dataclass(kw_only=True)
class ChannelsWorld:
    """The stage, its servers, and the day that is played."""

    stage: Harness
    channels: Channels
    servers: Mapping[str, Server]
    site: Jira
    messages: Sequence[Mapping[str, Any]] = ()
    mails: Sequence[Mapping[str, Any]] = ()
    """The same for the notifier."""
    _put_back: Callable[[], None] = lambda: None
    _issues: list[Any] = field(default_factory=list)

    def prepare(self) -> Self:
        """One key is gone today, of which was said that it was replaced; another is replaced."""
        stage = self.stage
        keys = stage.user("bob", 137)
        stage.run()
        assert self.channels.say() == 0
        stage.at(10).run()
        self.channels.drop()
        keys += stage.user("ann", 117)
        stage.at(20).invoke()
        self.messages = stage.receive(self.channels.queue)
        self.mails = stage.receive(stage.deployment.notifier_queue)
        assert len(self.messages) == len(self.mails) == 2
        for server in self.servers.values():
            server.keys = keys
        self._put_back = stage.cloud.checkpoint([MEMBER])
        self._issues = deepcopy(self.site.issues)
        return self

    def begin(self) -> None:
        """Put everything back as it was prepared; the function is a new process."""
        self.stage.cloud.layers.clear()
        self._put_back()
        assert_described(self.stage.log.getvalue())
        for log in (self.stage.log, self.stage.metrics):
            log.seek(0)
            log.truncate()
        self.site.issues[:] = deepcopy(self._issues)
        for server in self.servers.values():
            server.forget()
        self.site.indexes = False
        self.restart()

    def later(self) -> None:
        """Until claims have run out; by then Jira's search knows of what was new."""
        self.channels.later()
        for issue in self.site.issues:
            issue.is_indexed = True

    def restart(self) -> None:
        """Let the function be a new process."""
        disconnect()

    def hand_over(self, *, only: frozenset[str] | None = None) -> Round:
        """Invoke the function with the messages, or with those that came back."""
        stage = self.stage
        before = len(stage.lines()), len(stage.measured())
        messages = [each for each in self.messages if only is None or each["MessageId"] in only]
        failed = frozenset(each["MessageId"] for each in messages)
        with suppress(KilledError), stage.being(CHANNELS_ROLE):
            answer: Any = function.handler(batch(messages), Clock())  # type: ignore[arg-type]  # all that it asks
            failed = frozenset(each["itemIdentifier"] for each in answer["batchItemFailures"])
        measured: Counter[str] = Counter()
        for line in stage.measured()[before[1] :]:
            measured.update({name: int(each[0]) for name, each in line.items() if _is_count(each)})
        return Round(
            failed=failed,
            taken=self.taken(),
            stored=frozenset(self.channels.stored()),
            lines=stage.lines()[before[0] :],
            measured=measured,
        )

    def mail(self) -> int:
        """Let the notifier send the day's mails, as a process of its own; how many went out."""
        stage = self.stage
        before = len(stage.cloud.sent_mails)
        disconnect()
        with stage.being(NOTIFIER_ROLE):
            answer: Any = notifier.handler(batch(self.mails), Clock())  # type: ignore[arg-type]  # as above
        assert answer == {"batchItemFailures": []}
        disconnect()
        return len(stage.cloud.sent_mails) - before

    def taken(self) -> Mapping[str, Counter[str]]:
        """What each server has taken so far; of Jira what stands in its issues."""
        taken = {name: Counter(server.taken) for name, server in self.servers.items()}
        for issue in self.site.issues:
            taken["jira"][f"issue {issue.fields['labels']}"] += 1
            taken["jira"].update(f"{issue.key} {mark}" for mark in MARK.findall(issue.said))
        return taken

    def break_server(self, channel: str, fault: ServerFault, at: int) -> None:
        """Let a server break at the request of a number."""
        server = self.servers[channel]
        server.fault, server.at = fault, at

    def break_aws(self, channel: str, fault: Fault | None, at: int) -> Faults:
        """
        Let a channel's call of a number break, and nothing of the other channels.

        Whoever dies dies as a whole: then all calls are watched.
        """
        faults = Faults(
            fault=fault,
            at=at,
            of=channel,
            watches=lambda request: (
                is_ours(request)
                and (fault is None or fault.kills or channel_of(request) == channel)
            ),
            subject=channel_of,
        )
        self.stage.cloud.layers.append(faults)
        return faults

    def break_for_all(self, call: str, fault: Fault) -> Faults:
        """Let a call of this name break, whichever channel makes it."""
        faults = Faults(fault=fault, on=call, watches=is_ours)
        self.stage.cloud.layers.append(faults)
        return faults

    def meet(self, channel: str, at: int) -> list["Round"]:
        """Let another process get the same messages in the midst of a call; what came of it."""
        met: list[Round] = []
        calls = Counter[str]()

        def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
            if is_ours(request) and channel_of(request) == channel:
                calls[channel] += 1
                if calls[channel] == at:
                    self.restart()
                    met.append(self.hand_over())
            return perform(request)

        self.stage.cloud.layers.append(layer)
        return met

    def heal(self) -> None:
        """Break no more."""
        self.stage.cloud.layers.clear()
        for server in self.servers.values():
            server.heal()

    def shown(self) -> list[str]:
        """The secrets that somebody may read in the log of this play, or in what is stored."""
        stage = self.stage
        stored = stage.cloud.objects(BUCKET)
        texts = (
            stage.log.getvalue(),
            stage.metrics.getvalue(),
            *(f"{name} {body.decode(errors='replace')}" for name, body in stored.items()),
            *(str(each["Body"]) for each in self.messages),
        )
        values = (*SECRETS, *stage.cloud.secret_values().values())
        return [value for value in values if any(value in text for text in texts)]


def _is_count(value: object) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], (int, float))


def is_ours(request: ApiRequest) -> bool:
    """Whether the function makes the call."""
    return f"/{CHANNELS_ROLE}/" in request.principal


def channel_of(request: ApiRequest) -> str:
    """Whose call it is: each channel has a thread, and several where it has several claims."""
    thread = threading.current_thread().name
    named = str(request.params.get("Key") or "")
    found = re.search(r"[./](jira|slack|teams|webhook)\.", named)
    return thread if thread in CHANNELS else found[1] if found else ""


@contextmanager
def channels_world() -> Iterator[ChannelsWorld]:
    """Deploy all channels, and prepare the day."""
    with ExitStack() as opened:
        patch = opened.enter_context(pytest.MonkeyPatch.context())
        stage = opened.enter_context(staged())
        at = {name: opened.enter_context(receiving()) for name in CHANNELS}
        patch.setattr(https, "HttpsSender", partial(Sender, here=at["jira"].url))
        patch.setattr(slack, "API", f"{at['slack'].url}/api/")
        disconnect()
        site, workspace = Jira(at["jira"]), Slack(at["slack"])
        answers: Mapping[str, Callable[[Request], Reply]] = {
            "jira": site.answer,
            "slack": workspace.answer,
            "teams": lambda _: Reply(status=202),
            "webhook": lambda _: Reply(),
        }
        servers = {
            name: Server(channel=name, receiver=at[name], answer=answers[name])
            for name in CHANNELS
        }
        for name, server in servers.items():
            at[name].always = server
        channels = Channels(stage=stage, queue=deploy_channels(stage.cloud, stage.deployment))
        channels.webhook(f"{at['webhook'].url}/{PATH}")
        channels.set("TeamsWebhookSecretArn", f"{at['teams'].url}/{PATH}")
        channels.set("SlackTokenSecretArn", SLACK_TOKEN)
        channels.set("JiraSecretArn", site.secret)
        stage.settings |= {
            "SlackAdminChannel": PLACE,
            "JiraUrl": SITE,
            "JiraProject": "KEYS",
            "ProvingChannels": "email,slack",
        }
        yield ChannelsWorld(stage=stage, channels=channels, servers=servers, site=site).prepare()


@contextmanager
def short_waits(fault: ServerFault) -> Iterator[None]:
    """Let nobody wait long for an answer that does not come."""
    with pytest.MonkeyPatch.context() as patch:
        if not fault.hangs:
            yield
            return
        patch.setattr(https, "ANSWER_SECONDS", SHORT_WAIT)
        patch.setattr(slack, "SECONDS", SHORT_WAIT)
        yield


@contextmanager
def quiet_deaths() -> Iterator[None]:
    """Let threads of a process that is dead end without a word."""
    with pytest.MonkeyPatch.context() as patch:
        told = threading.excepthook

        def hook(raised: threading.ExceptHookArgs) -> None:
            if not issubclass(raised.exc_type, KilledError):
                told(raised)

        patch.setattr(threading, "excepthook", hook)
        yield
