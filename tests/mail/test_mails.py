"""What people read, compared whole; and what every mail has to say, whatever it tells."""

import re
from dataclasses import fields, replace
from html.parser import HTMLParser

import pytest
from jinja2 import TemplateNotFound, UndefinedError
from jinja2.exceptions import SecurityError

from keyturn.domain.decision import Action, NoticeType
from keyturn.domain.events import Audience
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.key import Account
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.worst_lines import DigestLine, DigestList
from keyturn.mail.brief import brief_of
from keyturn.mail.commands import read_command, undo_command
from keyturn.mail.filters import full_day, wrapped
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.links import console_link
from keyturn.mail.questions import URGENCY, why_to_admins, why_to_owners
from keyturn.mail.renderer import Mails, with_ours
from keyturn.mail.samples import (
    ADMIN,
    CHANGES,
    DISABLE_ON,
    SCENES,
    SEVERAL,
    a_digest,
    a_run,
    an_item,
    every_mail,
)
from keyturn.mail.samples_of_day import DAYS
from keyturn.mail.samples_of_period import REPORTS
from tests.mail.scenes import GOLDEN, as_files

MAILS = Mails(Letterhead(admin=ADMIN))
EVERY = every_mail()


class Page(HTMLParser):
    """Reads what a person sees, and checks that every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.seen.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.seen).split())


@pytest.mark.parametrize("scene", [*SCENES, *CHANGES, *DAYS, *REPORTS])
def test_a_mail_reads_as_it_did(scene: str) -> None:
    scenes: dict[str, NoticeContent] = {**SCENES, **CHANGES, **DAYS, **REPORTS}
    files = as_files(scene, scenes[scene])

    assert files == {name: (GOLDEN / name).read_text(encoding="utf-8") for name in files}


def test_no_golden_mail_is_left_over() -> None:
    scenes: dict[str, NoticeContent] = {**SCENES, **CHANGES, **DAYS, **REPORTS}
    wanted = {name for scene, about in scenes.items() for name in as_files(scene, about)}

    assert {file.name for file in GOLDEN.iterdir()} == wanted


@pytest.mark.parametrize("scene", EVERY)
def test_every_mail_names_account_user_key_age_reason_and_dates(scene: str) -> None:
    digest = EVERY[scene]

    mail = MAILS.mail_of(digest)

    page = Page(mail.html)
    assert page.open == []
    for text in (" ".join(mail.text.split()), page.text):
        assert "prod-workload (222222222222)" in text
        for item in digest.items:
            days = [*item.notice.promises.values(), *([item.next.day] if item.next else [])]
            assert item.user in text
            assert item.key_id in text
            assert f"{item.age} days old" in text
            why = why_to_owners if digest.audience is Audience.OWNER else why_to_admins
            assert why(item) in text
            assert all(full_day(day) in text for day in days)
            reference = f"Reference: {item.key_id}/{item.notice.step}/{item.notice.day}"
            assert text.count(reference) == 1
        assert all(failure in text for failure in digest.failures)


@pytest.mark.parametrize("scene", EVERY)
def test_every_mail_stands_alone_and_shows_no_secret(scene: str) -> None:
    mail = MAILS.mail_of(EVERY[scene])

    assert "\n" not in mail.subject.rstrip("\n")
    assert mail.subject == mail.subject.strip()
    assert "<img" not in mail.html
    assert "<script" not in mail.html
    assert "@import" not in mail.html
    assert "url(" not in mail.html
    links = Page(mail.html).links
    assert all(link.startswith(("mailto:", "https://eu-central-1.console.")) for link in links)
    for text in (mail.subject, mail.text, Page(mail.html).text):
        assert not re.search(r"(?<![\w/+=])[A-Za-z0-9/+]{40}(?![\w/+=])", text)


@pytest.mark.parametrize("told", NoticeType)
@pytest.mark.parametrize("audience", Audience)
def test_a_dry_run_says_would_and_changes_nothing(told: NoticeType, audience: Audience) -> None:
    mail = MAILS.mail_of(a_digest(an_item(told), audience=audience, dry_run=True))

    notice = "This is a dry run: nothing was changed, and nothing here is a promise."
    assert mail.subject.startswith("[AWS access keys] [dry run] ")
    assert " ".join(mail.text.split()).startswith(notice)
    assert Page(mail.html).text.startswith(notice)
    body = mail.text.replace(an_item(told).sentence, "")
    assert not re.search(r"\bwill be (disabled|deleted)|\bis (disabled|deleted) (and|for)", body)


def test_a_dry_run_tells_the_admin_of_no_window_that_has_begun() -> None:
    digest = replace(a_digest(an_item(), audience=Audience.ADMIN), proves=True)

    begun = "the dates count from this notice"
    dry = MAILS.mail_of(replace(digest, run=a_run(dry_run=True)))
    assert begun in Page(MAILS.mail_of(digest).html).text
    assert begun not in Page(dry.html).text
    assert begun not in " ".join(dry.text.split())


@pytest.mark.parametrize("told", NoticeType)
def test_for_real_nothing_is_in_the_conditional(told: NoticeType) -> None:
    mail = MAILS.mail_of(a_digest(an_item(told)))

    assert "would" not in mail.subject + mail.text + Page(mail.html).text
    assert "dry run" not in mail.subject + mail.text + mail.html


@pytest.mark.parametrize(
    ("told", "subject"),
    [
        (
            NoticeType.ROTATED,
            "Install the new access key of deploy-bot before 11 March (account prod-workload)",
        ),
        (
            NoticeType.BEFORE_DISABLE,
            "The access key of deploy-bot stops working on 4 March (account prod-workload)",
        ),
        (
            NoticeType.DISABLED,
            (
                "The access key of deploy-bot is disabled; it is deleted on 11 March "
                "(account prod-workload)"
            ),
        ),
        (
            NoticeType.UPCOMING,
            "The access key of deploy-bot is rotated on 15 March (account prod-workload)",
        ),
    ],
)
def test_a_subject_says_what_and_by_when(told: NoticeType, subject: str) -> None:
    mail = MAILS.mail_of(a_digest(replace(an_item(told), usage=None)))

    assert mail.subject == f"[AWS access keys] {subject}"


def test_the_subject_of_several_speaks_of_the_most_urgent() -> None:
    assert MAILS.mail_of(a_digest(*SEVERAL)).subject == (
        "[AWS access keys] 3 access keys in prod-workload: one is disabled on 4 March, "
        "and the new key of deploy-bot has not been used yet"
    )


@pytest.mark.parametrize("told", [told for told in NoticeType if told is not NoticeType.UPCOMING])
def test_every_other_thing_of_several_has_a_subject_too(told: NoticeType) -> None:
    items = [an_item(told), an_item(told, user="etl", key=2)]

    subject = MAILS.mail_of(a_digest(*items)).subject

    said = r"\[AWS access keys\] 2 access keys in prod-workload: 2 (is|are|was|were|ha).+"
    assert re.fullmatch(said, subject)


def test_what_cannot_wait_comes_first() -> None:
    text = MAILS.mail_of(a_digest(*SEVERAL)).text

    keys = [text.index(item.key_id) for item in (SEVERAL[2], SEVERAL[1], SEVERAL[0])]
    assert keys == sorted(keys)
    assert set(URGENCY) == set(NoticeType)


def test_whoever_reads_nothing_else_can_get_the_new_key() -> None:
    digest = a_digest(an_item(user="backup,eu"))

    mail = MAILS.mail_of(digest)

    command = (
        "aws secretsmanager get-secret-value "
        "--secret-id Account_222222222222_User_backup=2Ceu_AccessKey "
        "--region eu-central-1 --query SecretString --output text"
    )
    link = (
        "https://eu-central-1.console.aws.amazon.com/secretsmanager/secret"
        "?name=Account_222222222222_User_backup%3D2Ceu_AccessKey&region=eu-central-1"
    )
    assert f"  {command}" in mail.text.splitlines()
    assert link in mail.text
    assert command in Page(mail.html).text
    assert link in Page(mail.html).links
    assert f"ask {ADMIN}" in " ".join(mail.text.split())


def test_a_command_is_safe_to_paste_whatever_the_name() -> None:
    assert read_command("a b;c", "eu-central-1").split("--secret-id ")[1].startswith("'a b;c' ")


def test_a_name_is_text_on_a_page_and_never_markup() -> None:
    mail = MAILS.mail_of(a_digest(an_item(user="<b>x</b>,")))

    assert "<b>x</b>" not in mail.html
    assert "&lt;b&gt;x&lt;/b&gt;,: a new key is ready" in mail.html
    assert "<b>x</b>," in Page(mail.html).text


def test_a_name_is_text_in_what_to_do_as_well() -> None:
    html = MAILS.mail_of(a_digest(an_item(NoticeType.RETIRING, user="<b>x</b>,"))).html

    assert "<b>x" not in html
    assert "the other access key of &lt;b&gt;x&lt;/b&gt;,, wherever" in html


def test_a_failure_and_an_account_name_are_text_too() -> None:
    digest = replace(
        a_digest(audience=Audience.ADMIN),
        failures=("<i>f</i>",),
        run=replace(a_run(), account=Account(id="222222222222", name="<u>n</u>")),
    )

    html = MAILS.mail_of(digest).html

    assert "<i>f" not in html
    assert "<u>n" not in html


def test_a_name_turns_no_subject_around() -> None:
    account = Account(id="222222222222", name="prod\u202edoow\u2066\x1b[2J\u200bx")
    digest = replace(a_digest(an_item()), run=replace(a_run(), account=account))

    subject = MAILS.mail_of(digest).subject

    assert subject.isprintable()
    assert "prod\ufffddoow\ufffd\ufffd[2J\ufffdx" in subject


@pytest.mark.parametrize("part", ["text", "html"])
def test_a_name_or_a_message_turns_nothing_around_in_a_body(part: str) -> None:
    odd = "denied\u202eyb\u2066\x1b[2J\u200b"
    account = Account(id="222222222222", name=odd)
    digest = replace(
        a_digest(replace(an_item(), sentence=f"why: {odd}"), audience=Audience.ADMIN),
        failures=(f"User ann: {odd}",),
        run=replace(a_run(), account=account),
    )

    body = getattr(MAILS.mail_of(digest), part)

    assert body.replace("\n", "").isprintable()
    assert body.count("denied\ufffdyb") >= 3


def test_an_account_without_a_name_is_called_by_its_id() -> None:
    digest = a_digest(an_item())
    nameless = replace(digest, run=replace(digest.run, account=Account(id="222222222222")))

    mail = MAILS.mail_of(nameless)

    assert mail.subject.endswith("(account 222222222222)")
    assert "Account: 222222222222\n" in mail.text


def test_a_key_that_was_disabled_on_an_earlier_day_is_not_called_disabled_today() -> None:
    late = replace(an_item(NoticeType.DISABLED), action=Action.NOTICE)

    text = MAILS.mail_of(a_digest(late)).text

    assert "was disabled on" not in text
    assert "This key is Inactive and does not work." in text


def test_the_admin_is_shown_how_to_take_a_disabling_back() -> None:
    def admins(told: NoticeType) -> str:
        return MAILS.mail_of(a_digest(an_item(told), audience=Audience.ADMIN)).text

    command = (
        "aws iam update-access-key --user-name deploy-bot "
        "--access-key-id AKIAOLDEXAMPLE000001 --status Active"
    )
    assert command in admins(NoticeType.DISABLED)
    assert command in admins(NoticeType.BEFORE_DELETE)
    assert command not in admins(NoticeType.ROTATED)
    assert command not in admins(NoticeType.DELETED)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_mail_about_an_exemption_names_who_whom_where_when_and_what_to_do(
    change: ExemptionChange,
) -> None:
    mail = MAILS.mail_of(change)

    page = Page(mail.html)
    assert page.open == []
    assert "(account 222222222222)" in mail.subject
    for text in (" ".join(mail.text.split()), page.text):
        about = change.user or change.policy or change.other_group or ""
        for said in (about, change.group, change.by, change.id):
            assert said in text
        assert "Monday 1 March 2027 (UTC), 04:02:09" in text
    assert undo_command(change) in mail.text
    assert undo_command(change) in page.text


def test_a_name_is_text_in_a_mail_about_an_exemption_too() -> None:
    odd = replace(CHANGES["exemption-added"], user="<b>x</b>,", by="<i>y</i>")

    mail = MAILS.mail_of(odd)

    assert "<b>" not in mail.html
    assert "<i>" not in mail.html
    assert "--user-name '<b>x</b>,'\n" in mail.text


def a_mail_with(templates: dict[str, str]) -> Mails:
    return Mails(Letterhead(admin=ADMIN), loader=with_ours(templates))


def test_a_template_can_be_put_in_the_place_of_ours() -> None:
    mails = a_mail_with({"owner/subject.txt": "Keys of {{ account.name }}\n, now"})

    mail = mails.mail_of(a_digest(an_item()))

    assert mail.subject == "[AWS access keys] Keys of prod-workload , now"
    assert mail.text == MAILS.mail_of(a_digest(an_item())).text


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("{{ digest.nothing }}", UndefinedError),
        ("{{ digest.__class__.__mro__ }}", SecurityError),
        ("{% extends 'elsewhere' %}", TemplateNotFound),
    ],
)
def test_a_broken_template_is_an_error_and_never_half_a_mail(
    template: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        a_mail_with({"owner/body.html": template}).mail_of(a_digest(an_item()))


def test_a_date_cannot_be_mistaken() -> None:
    assert full_day(DISABLE_ON) == "Thursday 11 March 2027 (UTC)"


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("cn-north-1", "console.amazonaws.cn"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
    ],
)
def test_each_partition_has_its_own_console(region: str, host: str) -> None:
    assert console_link("secret", region).startswith(f"https://{host}/secretsmanager/secret?")


@pytest.mark.parametrize(("before", "lines"), [(66, 1), (67, 2)])  # 76 letters, and one more
def test_what_stands_in_marks_counts_as_long_as_it_is_and_stays_on_one_line(
    before: int, lines: int
) -> None:
    text = "x" * before + " `one two 3`"

    wrapped_text = wrapped(text)

    assert wrapped_text.count("\n") + 1 == lines
    assert "one two 3" in wrapped_text


# --- the administrators' day ---------------------------------------------------------------------


def test_the_mail_of_a_day_says_how_a_secret_that_nobody_needs_is_taken_back() -> None:
    line = DigestLine(
        account="333333333333", name="prod", user="ann", what="scheduled for deletion: …"
    )
    digest = replace(DAYS["daily-quiet"], secrets=DigestList(total=1, worst=(line,)))

    mail = MAILS.mail_of(digest)

    for text in (" ".join(mail.text.split()), Page(mail.html).text):
        assert "secrets that nobody needs: 1" in text.lower()
        assert "scheduled for deletion: …" in text
        assert "aws secretsmanager restore-secret --secret-id NAME" in text
    assert "ecret" not in mail.subject, "nothing is wrong"


@pytest.mark.parametrize("scene", DAYS)
def test_the_mail_of_a_day_stands_alone_and_names_all_that_it_shows(scene: str) -> None:
    digest = DAYS[scene]

    mail = MAILS.mail_of(digest)

    page = Page(mail.html)
    assert page.open == []
    assert all(link.startswith(("mailto:", "https://eu-central-1.")) for link in page.links)
    assert len(mail.subject) < 180
    seen = digest.coverage
    lists = [seen.not_seen, seen.not_entered, *(getattr(digest, name) for name in LISTS)]
    for text in (" ".join(mail.text.split()), page.text):
        assert full_day(digest.day) in text
        for line in (each for of in lists for each in of.worst):
            assert all(part in text for part in (line.account, line.user or "", line.key_id or ""))
        more = [found.more for found in lists if found.more]
        assert all(f"and {number:,} more" in text for number in more)


LISTS = (
    "breaks",
    "failures",
    "exempted",
    "restored",
    "unexpected",
    "blocked",
    "exemptions",
    "without_owner",
    "rejected",
    "deferrals",
    "secrets",
    "done",
    "planned",
)


def test_a_list_that_comes_to_the_digest_has_its_place_in_the_mail() -> None:
    digest = DAYS["daily-bad"]

    assert {
        each.name for each in fields(digest) if isinstance(getattr(digest, each.name), DigestList)
    } == set(LISTS)


@pytest.mark.parametrize(
    ("scene", "subject"),
    [
        ("daily-quiet", "Nothing to do (42 accounts, 1 March)"),
        (
            "daily-bad",
            (
                "2 keys in use stop working, the first on 2 March; 2 accounts not reached; "
                "1 user not looked at yet (44 accounts, 1 March)"
            ),
        ),
        (
            "daily-many",
            (
                "1,000 keys in use stop working, the first on 2 March; 15 accounts not reached; "
                "19 failures (10,000 accounts, 1 March)"
            ),
        ),
        (
            "daily-dry-run",
            (
                "[dry run] 2 keys in use would stop working, the first on 2 March; 1 failure; "
                "2 users newly exempt (3 accounts, 1 March)"
            ),
        ),
        ("daily-no-run", "nothing shows that Keyturn ran on 1 March"),
        ("daily-unknown", "nobody knows whether an account is missing (2 accounts, 1 March)"),
    ],
)
def test_the_subject_of_a_day_says_the_worst_first(scene: str, subject: str) -> None:
    assert MAILS.mail_of(DAYS[scene]).subject == f"[AWS access keys] {subject}"


def test_a_quiet_day_is_a_short_mail_and_ten_thousand_accounts_are_no_longer_than_a_hundred() -> (
    None
):
    quiet, many = (MAILS.mail_of(DAYS[f"daily-{name}"]) for name in ("quiet", "many"))

    assert len(quiet.text.splitlines()) < 25
    assert "There is nothing to do." in quiet.text
    assert len(many.text) < 17_000


def test_a_day_of_dry_runs_alone_is_in_the_conditional() -> None:
    mail = MAILS.mail_of(DAYS["daily-dry-run"])

    assert "This is a dry run: nothing was changed" in " ".join(mail.text.split())
    assert "it would be disabled" in mail.text
    assert "(would stop working Tuesday 2 March 2027" in " ".join(mail.text.split())
    assert "Would stop working" in mail.html
    # What is in the way has to be seen to: that is what a dry run is for.
    assert "nothing to do today" not in " ".join((mail.text + mail.html).split())
    assert "mend it before you enforce" in " ".join(mail.text.split())
    assert "were disabled" not in mail.text
    counts = "2 keys would be disabled, 2 would get a new key, 2 would be exempt no longer."
    assert counts in " ".join(mail.text.split())


def test_channels_say_the_worst_of_a_day_in_a_few_lines() -> None:
    brief = brief_of(MAILS, DAYS["daily-many"])

    assert brief.subject == MAILS.mail_of(DAYS["daily-many"]).subject
    assert "What breaks, and when: 1,000 keys" in brief.top
    assert "- and 997 more" in brief.top
    assert len(brief.top) < 70


def test_a_day_of_which_nothing_is_known_says_so_and_what_to_look_at() -> None:
    text = " ".join(MAILS.mail_of(DAYS["daily-no-run"]).text.split())

    for part in ("rule that starts the inventory", "ASA-Account-Inventory", "S3BucketPrefix"):
        assert part in text
    assert "0 accounts" not in text
    assert "could not be read" not in text
