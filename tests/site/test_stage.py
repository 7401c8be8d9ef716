"""How the pages become a site's, and what is recorded a picture: before anything is built."""

import json
import re
from pathlib import Path

import pytest

from tools.manual import record, reference, stage

PAGES = sorted(stage.pages())
OF_MYST = re.compile(r"^(%|\+\+\+)|^\([\w-]+\)=$|(?<!`)\{[\w:-]+\}`", re.MULTILINE)
"""What MyST reads in its own way and GitHub does not."""


def test_a_link_that_leads_nowhere_stops_the_site(tmp_path: Path) -> None:
    with pytest.raises(stage.DeadLink, match=r"docs/deploy\.md: nowhere\.md"):
        stage.relinked("[there](nowhere.md)", "docs/deploy.md", tmp_path)


@pytest.mark.parametrize(
    ("source", "link", "wanted"),
    [
        ("docs/deploy.md", "cli.md#keyturn-deploy", "cli.md#keyturn-deploy"),
        ("docs/deploy.md", "README.md", "index.md"),
        ("docs/deploy.md", "../README.md", "readme.md"),
        ("docs/deploy.md", "../ARCHITECTURE.md#rooms", "architecture.md#rooms"),
        ("docs/decisions/README.md", "../events.md", "../events.md"),
        ("ARCHITECTURE.md", "docs/decisions/README.md", "decisions/index.md"),
        ("SECURITY.md", "docs/schemas/plan.json", "schemas/plan.json"),
        ("docs/deploy.md", "../LICENSE", "files/LICENSE"),
        ("docs/deploy.md", "#here", "#here"),
        ("docs/deploy.md", "https://example.com/a.md", "https://example.com/a.md"),
    ],
)
def test_a_link_leads_to_where_the_site_has_it(
    source: str, link: str, wanted: str, tmp_path: Path
) -> None:
    assert stage.relinked(f"[a]({link})", source, tmp_path) == f"[a]({wanted})"
    assert "files" not in wanted or (tmp_path / wanted).is_file()


def test_code_is_left_as_it_is(tmp_path: Path) -> None:
    text = "```md\n[a](README.md)\n```\n\n[a](README.md)\n"

    assert stage.on_the_site(text, "docs/deploy.md", tmp_path) == (
        "```md\n[a](README.md)\n```\n\n[a](index.md)\n"
    )


def test_a_diagram_without_a_picture_stops_the_site(tmp_path: Path) -> None:
    with pytest.raises(stage.MissingPicture, match="make pictures"):
        stage.on_the_site("```mermaid\nflowchart LR\n  a --> b\n```\n", "docs/x.md", tmp_path)


@pytest.mark.parametrize("source", PAGES)
def test_no_page_has_a_sign_that_only_myst_reads(source: str) -> None:
    prose = stage.FENCED.sub("", (stage.ROOT / source).read_text("utf-8"))

    assert OF_MYST.findall(prose) == []


def test_what_comes_within_half_a_second_is_one_piece_and_nothing_is_lost() -> None:
    printed = [(0.0, "a"), (0.3, "b"), (0.49, "c"), (0.5, "d"), (2.0, "e"), (2.4, "f")]

    assert record.together(printed) == [(0.0, "abc"), (0.5, "d"), (2.0, "ef")]


@pytest.mark.parametrize("each", record.RECORDINGS, ids=lambda each: each.name)
def test_a_recording_is_of_the_command_that_it_says(each: record.Recording) -> None:
    path = record.CASTS / f"{each.name}.cast"
    head, first, *events = [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    assert head["version"] == 2
    assert (head["title"], head["command"]) == (each.title, each.shown)
    assert first == [0.0, "o", f"$ {each.shown}\r\n"]
    times = [at for at, _, _ in events]
    assert times == sorted(times)


def test_every_command_and_every_option_has_its_place_in_the_reference() -> None:
    pages = reference.pages()
    options = set(re.findall(r"^\| `(--[a-z-]+)", pages["cli/plan.md"], re.MULTILINE))

    assert {"--role-name", "--account", "--format", "--exit-code"} <= options
    assert "## keyturn exemptions add" in pages["cli/exemptions.md"]
    assert "`RotationPeriod` | `90`" in pages["settings.md"]
    assert "| `window-over` | DISABLE (ROTATED → DISABLED) |" in pages["reasons.md"]
