"""Operators may write the mails in their own words; a mistake in one keeps nobody untold."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from keyturn.domain.errors import Denied, PortError
from keyturn.domain.events import Audience
from keyturn.mail import template_process
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.overrides import OverridableRenderer, TemplateCache
from keyturn.mail.renderer import Mails
from keyturn.mail.samples import ADMIN, CHANGES, SEVERAL, TODAY, a_digest, an_item

OURS = Mails(Letterhead(admin=ADMIN))
MINUTE = timedelta(minutes=1)
WITH_KEY = "{% for item in digest.items %}Dear all: {{ item.key_id }}{% endfor %}"


@dataclass
class Office:
    """A folder of templates, a clock, and what was complained of."""

    templates: Mapping[str, str] = field(default_factory=dict)
    error: PortError | None = None
    now = TODAY
    reads: int = 0
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shelf = TemplateCache(Letterhead(admin=ADMIN), read=self.read, clock=lambda: self.now)
        self.mails = OverridableRenderer(self.shelf, self.complaints.append)

    def read(self) -> Mapping[str, str]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.templates


def test_without_templates_of_their_own_the_mails_are_ours() -> None:
    office = Office()

    assert office.mails.mail_of(a_digest(*SEVERAL)) == OURS.mail_of(a_digest(*SEVERAL))
    assert office.complaints == []


def test_a_template_takes_the_place_of_ours_and_the_others_stay() -> None:
    office = Office({"owner/body.txt": WITH_KEY})
    digest = a_digest(an_item())

    mail = office.mails.mail_of(digest)

    assert mail.text == f"Dear all: {an_item().key_id}\n"
    assert mail.html == OURS.mail_of(digest).html
    admins = a_digest(an_item(), audience=Audience.ADMIN)
    assert office.mails.mail_of(admins) == OURS.mail_of(admins)
    assert office.complaints == []


def test_words_alone_can_be_changed() -> None:
    words = Path("template/_base/words.txt").read_text(encoding="utf-8")
    changed = words.replace("This is a dry run", "Only rehearsing")
    assert changed != words
    office = Office({"_base/words.txt": changed})

    mail = office.mails.mail_of(a_digest(an_item(), dry_run=True))

    assert mail.text.startswith("Only rehearsing: nothing was changed")
    assert "Only rehearsing" in mail.html


def test_words_of_an_earlier_version_are_in_force_and_what_they_lack_is_ours() -> None:
    office = Office({"_base/words.txt": "{% macro what(item) %}Ours, since 2026.{% endmacro %}"})
    digest = a_digest(an_item())

    mail = office.mails.mail_of(digest)

    assert "Ours, since 2026." in mail.text
    assert mail.subject == OURS.mail_of(digest).subject
    assert office.complaints == []


NEVER_ENDS = (
    "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}"
    "{% endfor %}{% endfor %}{% endfor %}"
)


@pytest.mark.parametrize("endless", [NEVER_ENDS, "{{ 10 ** (10 ** 9) }}"])
def test_a_template_that_does_not_end_holds_up_the_first_notice_alone(
    endless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template_process, "RENDER_SECONDS", 1)
    office = Office({"owner/body.txt": endless})
    began = monotonic()

    mails = [office.mails.mail_of(a_digest(an_item(key=key))) for key in range(50)]

    assert mails == [OURS.mail_of(a_digest(an_item(key=key))) for key in range(50)]
    assert monotonic() - began < 40  # the process has 20 seconds to start, and one to render
    assert "it took more than 1 seconds: not tried again as it is" in office.complaints[-1]
    # Not tried anew before they change, and then at once.
    office.now = TODAY + 5 * MINUTE
    assert office.mails.mail_of(a_digest(an_item())) == OURS.mail_of(a_digest(an_item()))
    office.templates = {"owner/body.txt": WITH_KEY}
    office.now = TODAY + 10 * MINUTE
    assert office.mails.mail_of(a_digest(an_item())).text.startswith("Dear all")


@pytest.mark.parametrize("size", [45_000_000, 190_000_000])
def test_a_template_that_takes_too_much_memory_is_tried_once(size: int) -> None:
    office = Office({"owner/subject.txt": f"{{{{ 'x' * {size} }}}}"})
    began = monotonic()

    mails = [office.mails.mail_of(a_digest(an_item(key=key))) for key in range(20)]

    assert mails == [OURS.mail_of(a_digest(an_item(key=key))) for key in range(20)]
    assert "it took more memory than a mail may" in office.complaints[-1]
    assert len(office.complaints) == 20
    assert all("not tried again as it is" in each for each in office.complaints)
    assert monotonic() - began < 25  # the process has 20 seconds to start


def test_a_template_that_is_slow_twice_is_not_tried_a_third_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(template_process, "SLOW_SECONDS", 0.0)
    office = Office({"owner/body.txt": WITH_KEY})
    digest = a_digest(an_item())

    # One is no habit, after the templates were looked at anew neither.
    assert office.mails.mail_of(digest).text.startswith("Dear all")
    office.now = TODAY + 5 * MINUTE
    assert office.mails.mail_of(digest).text.startswith("Dear all")
    assert office.complaints == []

    assert office.mails.mail_of(digest).text.startswith("Dear all")
    assert office.mails.mail_of(digest) == OURS.mail_of(digest)
    [complaint] = office.complaints
    assert "2 mails took more than 0.0 seconds, or ended the process: not tried again" in complaint


def test_the_process_and_the_notifier_fit_into_the_functions_memory() -> None:
    """Above that Lambda ends the whole invocation, with all the notices of its batch."""
    template = Path(
        "CloudFormation/ASA-iam-key-auto-rotation-and-notifier-solution.yaml"
    ).read_text("utf-8")
    notifier = template.partition("Handler: keyturn.functions.notifier.handler")[2]
    given = int(notifier.partition("MemorySize: ")[2].split()[0]) * MEGABYTE

    measured = subprocess.run(
        [sys.executable, "-c", AS_THE_NOTIFIER], capture_output=True, check=True, text=True
    )
    own, childs = (int(size) * 1024 for size in measured.stdout.split())

    # What Lambda's own runtime takes, and a margin.
    assert own + template_process.MOST_MEMORY + childs < given - 128 * MEGABYTE


MEGABYTE = 1024 * 1024
AS_THE_NOTIFIER = """
from pathlib import Path
import boto3
from dataclasses import replace
from keyturn.functions import notifier
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.renderer import Mails
from keyturn.mail.samples import a_digest, an_item
from keyturn.mail.template_process import TemplateProcess

session = boto3.Session("x", "y", region_name="us-east-1")
clients = [session.client(name) for name in ("s3", "sesv2", "sesv2", "events", "sts")]
most = a_digest(*(an_item(key=key) for key in range(200)))
mails = [Mails(Letterhead(admin="a@example.com")).mail_of(most) for _ in range(5)]
process = TemplateProcess(Letterhead(admin="a@example.com"), {"owner/subject.txt": "Keys"})
process.mail_of(most)
for who in ("self", process._process.pid):
    print(Path(f"/proc/{who}/status").read_text().partition("VmHWM:")[2].split()[0])
process.close()
"""
"""
Prints its own and its process's largest sizes, in KB, after five mails of 200 keys.

Not by getrusage: that counts what the process was before exec, a copy of whoever started it, so
all that these tests had loaded.
"""


def test_templates_that_are_ours_as_they_are_start_no_process() -> None:
    root = Path("template")
    ours = {
        str(file.relative_to(root)): file.read_text(encoding="utf-8")
        for file in root.rglob("*")
        if file.is_file()
    }
    office = Office(ours)

    assert office.shelf.mails() is office.shelf.ours


def test_a_template_sees_no_environment_and_reaches_no_headers() -> None:
    office = Office({"owner/subject.txt": "Keys\nBcc: all@example.com"})

    mail = office.mails.mail_of(a_digest(an_item()))

    assert mail.subject == "[AWS access keys] Keys Bcc: all@example.com"
    assert mail.headers == OURS.mail_of(a_digest(an_item())).headers


def test_what_a_file_of_words_lacks_or_only_sets_is_ours() -> None:
    office = Office({"words/rotated.txt": "{% set what = 'a text' %}"})

    assert office.mails.mail_of(a_digest(an_item())) == OURS.mail_of(a_digest(an_item()))
    assert office.complaints == []


@pytest.mark.parametrize(
    ("name", "template", "why"),
    [
        ("owner/body.txt", "{% if %}", "TemplateSyntaxError"),
        ("owner/body.html", "{{ digest.nothing }}", "UndefinedError"),
        ("owner/body.txt", "{{ ''.__class__.__mro__ }}", "SecurityError"),
        ("owner/subject.txt", "{{ 1 / 0 }}", "ZeroDivisionError"),
        ("owner/body.txt", "{% extends 'elsewhere' %}", "TemplateNotFound"),
        ("owner/subject.txt", "  \n", "owner/subject.txt is empty"),
        ("owner/body.txt", "", "owner/body.txt is empty"),
        ("owner/body.txt", "Some key is old.", "body.txt does not name AKIAOLDEXAMPLE000001"),
        ("owner/body.html", "<p>Some key is old.", "body.html does not name AKIAOLD"),
        ("owner/subject.txt", "{{ say('nothing') }}", "there is no macro nothing"),
        ("owner/body.txt", "{{ say('__reduce_ex__', 2) }}", "SecurityError"),
        ("owner/body.txt", "{{ 'x' * 6000000 }}", "the mail has more than"),
        ("owner/subject.txt", "{{ 'x' * 190000000 }}", "it took more memory than a mail may"),
        ("owner/body.txt", "{{ ('x' * 9000000).replace('x', 'y' * 900) }}", "more memory than"),
        (
            "owner/subject.txt",
            "{{ 'x' * 201 }}",
            "subject.txt makes 219 characters, more than 200",
        ),
        ("owner/body.txt", "a\n{{ digest.nothing }}", "owner/body.txt:2: UndefinedError"),
        ("owner/body.txt", "{{ say('_base') }}", "SecurityError"),
        ("owner/body.txt", "{{ say('__getattribute__', '__dict__') }}", "SecurityError"),
    ],
)
def test_a_broken_template_is_complained_of_and_ours_serves(
    name: str, template: str, why: str
) -> None:
    office = Office({name: template})

    assert office.mails.mail_of(a_digest(an_item())) == OURS.mail_of(a_digest(an_item()))

    [complaint] = office.complaints
    assert complaint.startswith("a mail template in the bucket is broken, ours serves: ")
    assert why in complaint


def test_a_broken_mail_about_an_exemption_goes_out_in_our_words_too() -> None:
    change = CHANGES["exemption-added"]
    office = Office({"exemption/body.txt": "Something happened."})

    assert office.mails.mail_of(change) == OURS.mail_of(change)
    assert len(office.complaints) == 1


def test_templates_that_cannot_be_read_are_complained_of_and_ours_serve() -> None:
    office = Office({"owner/body.txt": WITH_KEY}, error=Denied("ListObjectsV2: AccessDenied"))

    assert office.mails.mail_of(a_digest(an_item())) == OURS.mail_of(a_digest(an_item()))
    assert office.complaints == [
        "the mail templates in the bucket cannot be read, ours serve: ListObjectsV2: AccessDenied"
    ]

    office.error = None
    assert office.mails.mail_of(a_digest(an_item())).text.startswith("Dear all")


def test_a_change_is_noticed_within_minutes_and_not_asked_for_at_every_mail() -> None:
    office = Office()
    office.mails.mail_of(a_digest(an_item()))
    office.templates = {"owner/body.txt": WITH_KEY}

    office.now = TODAY + 4 * MINUTE
    assert office.mails.mail_of(a_digest(an_item())) == OURS.mail_of(a_digest(an_item()))
    office.now = TODAY + 5 * MINUTE
    assert office.mails.mail_of(a_digest(an_item())).text.startswith("Dear all")
    office.templates = {}
    office.now = TODAY + 10 * MINUTE
    assert office.mails.mail_of(a_digest(an_item())) == OURS.mail_of(a_digest(an_item()))
    assert office.reads == 3
    assert office.complaints == []


def test_a_fault_in_our_own_templates_is_hidden_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office()

    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Mails, "mail_of", breaks)

    with pytest.raises(ZeroDivisionError):
        office.mails.mail_of(a_digest(an_item()))


def test_the_folder_that_operators_copy_from_is_what_the_package_carries() -> None:
    root = Path(__file__).parent.parent.parent

    assert (root / "template").resolve() == root / "src" / "keyturn" / "mail" / "templates"
