"""`keyturn notices`: what owners will read, and templates that would not work, before the mail."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn.domain.decision import NoticeType
from keyturn.mail.lint import notices
from keyturn.mail.samples import BUCKET
from keyturn.mail.samples_of_day import DAYS


def type_(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["notices", *arguments])


def test_a_preview_holds_every_notice_as_html_and_text_and_an_index_of_them(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "mails"

    result = type_("preview", str(folder), "--organization-name", "Brightwater")

    assert result.exit_code == 0
    wanted = {f"{name}.{ending}" for name in notices() for ending in ("html", "txt")}
    assert {file.name for file in folder.iterdir()} == wanted | {"index.html"}
    index = (folder / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'href="([^"]+)"', index)) == wanted
    assert {f"{told}-owner.html" for told in NoticeType} <= wanted
    assert "at Brightwater" in " ".join((folder / "rotated.txt").read_text("utf-8").split())
    days = {each.stem for each in folder.glob("*.txt") if f"s3://{BUCKET}/" in each.read_text()}
    assert days == {name for name, day in DAYS.items() if day.csv}


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
