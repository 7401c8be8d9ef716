"""`keyturn notices`: what owners will read, and templates that would not work, before the mail."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from keyturn.adapters.channels.slack import SlackChannel
from keyturn.adapters.outbox import Outbox
from keyturn.adapters.pace import Pace
from keyturn.channel_wiring import show_in_channels
from keyturn.cli.app import app
from keyturn.cli.notices import letterhead_of, write_mails
from keyturn.cli.options import LetterheadOptions
from keyturn.domain.decision import NoticeType
from keyturn.domain.events import Audience, Digest
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.mail.brief import brief_of
from keyturn.mail.lint import notices
from keyturn.mail.renderer import Mails
from keyturn.mail.samples import BUCKET, TODAY, a_digest, an_item
from keyturn.mail.samples_of_day import DAYS


def type_(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["notices", *arguments])


@pytest.fixture(scope="module")
def previewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("preview") / "mails"
    assert type_("preview", str(folder), "--organization-name", "Brightwater").exit_code == 0
    return folder


def test_a_preview_holds_every_notice_as_html_and_text_and_an_index_of_them(
    previewed: Path,
) -> None:
    files = {file.name for file in previewed.iterdir()}

    wanted = {f"{name}.{ending}" for name in notices() for ending in ("html", "txt")}
    assert {file for file in files if not file.endswith(".json")} == wanted | {"index.html"}
    index = (previewed / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'href="([^"]+)"', index)) == files - {"index.html"}
    assert {f"{told}-owner.html" for told in NoticeType} <= wanted
    assert "at Brightwater" in " ".join((previewed / "rotated.txt").read_text("utf-8").split())
    days = {each.stem for each in previewed.glob("*.txt") if f"s3://{BUCKET}/" in each.read_text()}
    assert days == {name for name, day in DAYS.items() if day.csv}


def said_in_channels(content: NoticeContent) -> set[str]:
    """The endings of the files with what is said of a notice, as docs/channels.md has it."""
    if not isinstance(content, Digest) or content.audience is Audience.ADMIN:
        to_admin = {"webhook.json", "slack.json", "teams.json"}
        if isinstance(content, Digest) and content.proves and not content.run.dry_run:
            return to_admin | {"jira.json"}  # the admin is the owner
        return to_admin
    if content.run.dry_run:
        return {"webhook.json", "slack.json"}
    each_key = range(2, len(content.items) + 1)
    by_key = {
        f"{channel}{number}.json"
        for channel in ("slack", "jira")
        for number in ("", *(f"-{each}" for each in each_key))
    }
    return {"webhook.json"} | by_key


def test_beside_each_mail_is_what_each_channel_says_to_those_it_reaches(previewed: Path) -> None:
    wanted = {
        f"{name}.{ending}"
        for name, content in notices().items()
        for ending in said_in_channels(content)
    }

    assert {file.name for file in previewed.glob("*.json")} == wanted
    assert max(file.stat().st_size for file in previewed.glob("*.json")) < 64 * 1024
    rotated = {
        channel: json.loads((previewed / f"rotated.{channel}.json").read_text("utf-8"))
        for channel in ("slack", "webhook", "jira")
    }
    assert rotated["webhook"]["type"] == "notices.due"
    assert rotated["jira"].keys() == {"issue", "comment"}
    assert rotated["jira"]["issue"]["fields"]["project"] == {"key": "KEYS"}
    for form in rotated.values():
        assert notices_key("rotated") in json.dumps(form)
    gone = json.loads((previewed / "deleted-owner.jira.json").read_text("utf-8"))
    assert gone.keys() == {"comment", "transitions"}  # of a key that is gone no issue is begun


def notices_key(name: str) -> str:
    content = notices()[name]
    assert isinstance(content, Digest)
    return content.items[0].key_id


def hostile(text: str) -> Iterator[tuple[str, Digest]]:
    """A notice to its owner, one to the admin: a key of a user who is called so."""
    item = an_item(user=text)
    yield "owner", a_digest(item)
    yield "admin", replace(a_digest(item, audience=Audience.ADMIN), failures=(text,))


@pytest.mark.parametrize(
    "name", ["<b>x</b>,", "<!channel>", "<https://x.example|you>", "[you](https://x.example)"]
)
def test_a_hostile_name_is_markup_in_no_channel(name: str, tmp_path: Path) -> None:
    options = LetterheadOptions()

    write_mails(tmp_path / "mails", options, letterhead_of(options), "x", dict(hostile(name)))

    forms = {
        file.name: json.loads(file.read_text("utf-8"))
        for file in (tmp_path / "mails").glob("*.json")
    }
    assert {
        f"{to}.{channel}.json" for to in ("owner", "admin") for channel in ("webhook", "slack")
    } | {"admin.teams.json", "owner.jira.json"} == forms.keys()
    for to in ("owner", "admin"):
        slack = forms[f"{to}.slack.json"]
        texts = [slack["text"], *(each["text"] for each in slack["blocks"][1:])]
        assert not any("<" in str(text) or ">" in str(text) for text in texts)
        assert all(each["text"].get("verbatim") for each in slack["blocks"][1:])
        assert forms[f"{to}.webhook.json"]["data"]["items"][0]["user"] == name  # for programs
    assert kinds(forms["admin.teams.json"]) == {
        "message",
        "AdaptiveCard",
        "RichTextBlock",
        "TextRun",
    }
    assert kinds(forms["owner.jira.json"]) == {"doc", "paragraph", "text", "code"}
    assert name in json.dumps(forms["admin.teams.json"])
    assert name in json.dumps(forms["owner.jira.json"])


def kinds(form: object) -> set[str]:
    """All that a form says that its parts are."""
    match form:
        case dict():
            own = {form["type"]} if isinstance(form.get("type"), str) else set()
            return own.union(*map(kinds, form.values()))
        case list():
            return set().union(*map(kinds, form))
    return set()


def test_the_bot_says_in_slack_what_is_shown() -> None:
    content, clock = a_digest(an_item()), lambda: TODAY
    to = Recipient(ChannelName.SLACK, "U0OWNER")
    letterhead = letterhead_of(LetterheadOptions())
    outbox = Outbox()
    bot = SlackChannel(
        outbox,
        brief=partial(brief_of, Mails(letterhead)),
        conversations=outbox,
        turns=lambda: Pace(lambda: 1, clock),
        lookups=Pace(lambda: 1, clock),
        clock=clock,
    )

    shown = dict(show_in_channels(letterhead, clock).messages(content))[ChannelName.SLACK][
        "message"
    ]

    said: Any = bot.render(content, to)
    assert (shown["text"], shown["blocks"]) == (said.text, said.blocks)


def test_a_preview_may_be_written_again_and_nothing_else_is_written_over(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "taxes.txt").write_text("important")

    refused = type_("preview", str(mine))

    assert refused.exit_code == 2
    assert "is not empty, and no preview: name another" in refused.output
    assert [file.name for file in mine.iterdir()] == ["taxes.txt"]
    assert type_("preview", str(tmp_path / "mails")).exit_code == 0
    assert type_("preview", str(tmp_path / "mails")).exit_code == 0


WRONG_WORDS = "{% macro what(item) %}\n{{ item.nothing }}{% endmacro %}"


def put(folder: Path, **templates: str) -> Path:
    for name, text in templates.items():
        file = folder / name.replace("__", "/").replace("_html", ".html").replace("_txt", ".txt")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def test_a_preview_shows_templates_of_ones_own(tmp_path: Path) -> None:
    theirs = put(tmp_path / "theirs", owner__subject_txt="Larkfield: your keys")

    result = type_("preview", str(tmp_path / "mails"), "--templates", str(theirs))

    assert result.exit_code == 0
    text = (tmp_path / "mails" / "rotated.txt").read_text(encoding="utf-8")
    assert text.startswith("[AWS access keys] Larkfield: your keys\n")


@pytest.mark.parametrize(
    ("templates", "said"),
    [
        ({"owner__body_txt": "{% if %}"}, r"owner/body\.txt:1: TemplateSyntaxError: "),
        ({"owner__body_txt": "a\n{{ digest.nothing }}"}, r"owner/body\.txt:2: UndefinedError"),
        (
            {"owner__body_html": "<p>Some key"},
            r"owner/body\.html does not name AKIA\w+ \(rotated\)",
        ),
        ({"words__blocked_txt": WRONG_WORDS}, r"words/blocked\.txt:2: .+\(slot-taken\)"),
        ({"owner__bodi_txt": "x"}, r"owner/bodi\.txt: no mail uses a file of this name"),
        # What only the admin would be sent.
        ({"daily__body_txt": "{% if stored_link %}{{ digest.nothing }}{% endif %}"}, "daily/body"),
        ({"admin__subject_txt": "{% if dry %}{{ x }}{% else %}y{% endif %}"}, r"admin/subject"),
    ],
)
def test_a_lint_names_file_line_and_notice(
    templates: dict[str, str], said: str, tmp_path: Path
) -> None:
    result = type_("lint", str(put(tmp_path, **templates)))

    assert result.exit_code == 2
    assert re.search(said, result.output)


def test_a_lint_of_sound_templates_is_silent_and_well(tmp_path: Path) -> None:
    result = type_("lint", str(put(tmp_path, owner__subject_txt="Larkfield: your keys")))

    assert result.exit_code == 0
    assert result.output.endswith("notices: 0 problems\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lint", "nowhere"), "nowhere: is no folder"),
        (("lint", "."), "holds no template"),
        (("preview", "mails", "--templates", "nowhere"), "--templates nowhere: is no folder"),
        (("preview", "mails", "--help-link", "http://x"), "must be an https:// link"),
        (("send", "mails"), "send"),
    ],
)
def test_what_is_asked_wrongly_is_said_in_one_line_and_writes_nothing(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = type_(*arguments)

    assert result.exit_code == 2
    assert said in result.output
    assert list(tmp_path.iterdir()) == []
