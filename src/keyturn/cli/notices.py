"""`keyturn notices`: every notice, seen and tried before it is sent."""

import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import typer

from keyturn.channel_wiring import show_in_channels
from keyturn.cli.exit_codes import BAD_USAGE
from keyturn.cli.given import given
from keyturn.cli.options import LetterheadOptions
from keyturn.cli.result_file import refuse_link, refusing, result_file
from keyturn.domain.amounts import pluralize
from keyturn.domain.errors import InvalidValue
from keyturn.domain.events import Digest, Mail
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.plain_text import shown
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.lint import Fault, faults_of, mails_of, notices
from keyturn.mail.samples import ADMIN, BUCKET, REGION, TODAY
from keyturn.settings import Settings

MARK = "<!-- keyturn notices preview -->"
"""How we know a folder that we may write into again."""
LARGEST = 256 * 1024
"""Bytes of a template, as in the bucket."""


def preview(folder: Path, options: LetterheadOptions) -> int:
    """Write every notice into a folder, with an index; code 2, if a template is broken."""
    title = "Every notice, for a key that is made up"
    return write_mails(folder, options, letterhead_of(options), title)


def write_mails(
    folder: Path,
    options: LetterheadOptions,
    letterhead: Letterhead,
    title: str,
    told: Mapping[str, Digest | ExemptionChange] | None = None,
) -> int:
    """Write mails, and what channels say; an index under a title; told: as `mails_of` takes it."""
    templates = {} if options.templates is None else _read(options.templates, "--templates")
    refuse_foreign(folder)
    mails: dict[str, Mail] = {}
    faults: list[Fault] = []
    for name, found in mails_of(letterhead, templates, told):
        if isinstance(found, Fault):
            faults.append(found)
        else:
            mails[name] = found
    messages = dict(_messages(letterhead, told))
    files = {"index.html": _index(mails, messages, title)}
    for name, mail in mails.items():
        files[f"{name}.html"] = mail.html
        files[f"{name}.txt"] = f"{mail.subject}\n\n{mail.text}"
        files.update(messages.get(name, {}))
    with refusing(folder, begun=True, option="FOLDER"):
        folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        with result_file(folder / file, option="FOLDER") as put:
            put(text)
    for fault in faults:
        typer.echo(shown(fault))
    typer.echo(f"{pluralize(len(mails), 'notice')} in {shown(folder / 'index.html')}")
    return BAD_USAGE if faults else 0


def lint(folder: Path, options: LetterheadOptions) -> int:
    """Try an operator's templates with every notice; code 2, if something is wrong."""
    templates = _read(folder, "FOLDER")
    faults = faults_of(letterhead_of(options), templates)
    for fault in faults:
        typer.echo(shown(fault))
    tried = f"{pluralize(len(templates), 'file')}, tried with {len(notices())} notices"
    typer.echo(f"{shown(folder)}: {tried}: {pluralize(len(faults), 'problem')}")
    return BAD_USAGE if faults else 0


def letterhead_of(options: LetterheadOptions) -> Letterhead:
    """What mails say of their sender, by the options alone."""
    return letterhead_in(Settings.read(given(options)))


def letterhead_in(settings: Settings) -> Letterhead:
    """The same, by settings; what is not set is made up, so that all parts of a mail are seen."""
    known = settings.letterhead(REGION)
    return replace(known, admin=known.admin or ADMIN, bucket=known.bucket or BUCKET)


def _read(folder: Path, option: str) -> dict[str, str]:
    """The templates of a folder, name below it → text. Raises InvalidValue where it is none."""
    if not folder.is_dir():
        raise InvalidValue(option, folder, "is no folder")
    found: dict[str, str] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix not in {".txt", ".html"} or not file.is_file():
            continue
        name = file.relative_to(folder).as_posix()
        try:
            if file.stat().st_size > LARGEST:
                raise InvalidValue(option, name, "has more than 256 KB")
            found[name] = file.read_bytes().decode()
        except UnicodeDecodeError:
            raise InvalidValue(option, name, "is not UTF-8") from None
        except OSError as error:
            raise InvalidValue(option, name, f"cannot be read ({error.strerror})") from None
    if not found:
        raise InvalidValue(option, folder, "holds no template (.txt, .html)")
    return found


def refuse_foreign(folder: Path) -> None:
    """Raises InvalidValue for a folder with files of others: none of them is written over."""
    with refusing(folder, option="FOLDER"):
        if folder.exists() and not folder.is_dir():
            raise InvalidValue("FOLDER", folder, "is no folder")
        index = folder / "index.html"
        is_ours = index.is_file() and MARK in index.read_text(encoding="utf-8", errors="replace")
        if folder.is_dir() and any(folder.iterdir()) and not is_ours:
            raise InvalidValue("FOLDER", folder, "is not empty, and no preview: name another")
        for file in folder.iterdir() if folder.is_dir() else ():
            refuse_link(file, option="FOLDER")


def _messages(
    letterhead: Letterhead, told: Mapping[str, NoticeContent] | None
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each notice's name with what channels say of it, file → JSON; always in our own words."""
    show = show_in_channels(letterhead, lambda: datetime.now(UTC) if told else TODAY)
    for name, content in (notices() if told is None else told).items():
        files: dict[str, str] = {}
        for channel, sent in show.messages(content):
            form = sent.get("message", sent)
            number = sum(file.startswith(f"{name}.{channel}") for file in files) + 1
            ending = f"{channel}.json" if number == 1 else f"{channel}-{number}.json"
            files[f"{name}.{ending}"] = json.dumps(form, indent=1, ensure_ascii=False) + "\n"
        yield name, files


def _index(
    mails: Mapping[str, Mail], messages: Mapping[str, Mapping[str, str]], title: str
) -> str:
    """A page with a link to each mail, and to what channels say in its place."""
    rows = "\n".join(
        f'<li><a href="{html.escape(name)}.html">{html.escape(mail.subject)}</a> '
        f'(<a href="{html.escape(name)}.txt">{html.escape(name)}, as text</a>'
        + "".join(
            f', <a href="{html.escape(file)}">{html.escape(file[len(name) + 1 : -5])}</a>'
            for file in messages.get(name, {})
        )
        + ")</li>"
        for name, mail in mails.items()
    )
    return (
        f'<!DOCTYPE html>\n{MARK}\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<title>Notices</title>\n</head>\n'
        f"<body>\n<main>\n<h1>{html.escape(title)}</h1>\n<ul>\n{rows}\n</ul>\n"
        "</main>\n</body>\n</html>\n"
    )
