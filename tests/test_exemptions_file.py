"""What administrators write into the exemptions file, how a line of it is changed, and kept."""

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keyturn.domain.errors import OrderNotDone
from keyturn.domain.exemptions_file import (
    ENDS_SOON,
    ExemptionEntry,
    ExemptionsFile,
    Standing,
    exemption_of,
    without_member,
)
from keyturn.schemas.exemptions_edit import NEW, with_entry, with_expiry
from keyturn.schemas.exemptions_file import LONGEST_TEXT, read_exemptions_file

TODAY = date(2026, 12, 1)
LONGEST = 90
SHOP = "333333333333"
YAML = """\
# kept by the security team
version: 1
exemptions:
  # the ERP cannot read a secret yet
  - account: 333333333333
    user: legacy-erp
    ticket: SEC-1234      # approved by the CISO
    owner: erp@example.com
    reason: "the ERP reads its key from a file"
    expiry: 2026-12-31
  - {account: "012345678901", user: vendor, ticket: "77", owner: v@example.com, reason: x,
     expiry: 2027-01-15}
# the end
"""
ENTRY = ExemptionEntry(
    line=0,
    account=SHOP,
    user="build",
    ticket="SEC-7",
    owner="ci@example.com",
    reason="it: moves # soon",
    expiry=date(2027, 2, 1),
    since=TODAY,
)


def read(text: str) -> ExemptionsFile:
    return read_exemptions_file(text.encode(), place="exemptions.yaml")


def problems(text: str) -> list[str]:
    return [str(each) for each in read(text).problems]


def with_field(name: str, value: str) -> str:
    fields = {
        "account": '"333333333333"',
        "user": "ann",
        "ticket": "T-1",
        "owner": "a@example.com",
        "reason": "why",
        "expiry": "2026-12-31",
        name: value,
    }
    lines = [f"{each}: {text}" for each, text in fields.items() if text]
    return "version: 1\nexemptions:\n- " + "\n  ".join(lines) + "\n"


def test_entries_are_read_as_they_stand() -> None:
    file = read(YAML)

    assert file.problems == ()
    erp, vendor = file.entries
    assert (erp.line, erp.user, erp.expiry) == (5, "legacy-erp", date(2026, 12, 31))
    assert (vendor.account, vendor.ticket, vendor.since) == ("012345678901", "77", None)
    assert file.entry_of(SHOP, "legacy-erp") == erp
    assert file.entry_of("012345678901", "legacy-erp") is None


DIGITS = "must be the 12 digits of an account id; has a spreadsheet dropped a zero?"
NAMES = "can be no user: IAM's names have letters, digits and _+=,.@- only"
DAY = "must be a date, such as 2027-03-31"
FIELDS = "account, user, ticket, owner, reason, expiry, since"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("account", "3333", f"line 3: account=3333: {DIGITS}"),
        ("user", "ann*", f"line 4: user=ann*: {NAMES}"),
        ("owner", "ann", "line 6: owner=ann: must be one e-mail address"),
        ("owner", "[a@example.com]", "line 6: owner=a@example.com: must be one text, and no list"),
        ("ticket", '" "', "line 5: ticket=: must not be empty"),
        ("reason", '"a\\nb"', "line 7: reason=a b: must be one line, without control characters"),
        ("expiry", "31.12.2026", f"line 8: expiry=31.12.2026: {DAY}"),
        ("expiry", "2026-02-30", f"line 8: expiry=2026-02-30: {DAY}"),
        ("expiry", "", "line 3: the entry has no expiry"),
        (
            "until",
            "2026-12-31",
            f"line 9: until=2026-12-31: no field of an entry has that name; they are {FIELDS}",
        ),
    ],
)
def test_a_broken_entry_is_named_with_its_line(name: str, value: str, said: str) -> None:
    assert problems(with_field(name, value)) == [said]
    assert read(with_field(name, value)).entries == ()


def test_a_text_that_is_too_long_for_a_mail_is_a_mistake() -> None:
    assert problems(with_field("reason", "x" * LONGEST_TEXT)) == []
    [problem] = problems(with_field("reason", "x" * (LONGEST_TEXT + 1)))
    assert problem.endswith("(301 characters): must have at most 300 characters")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("version: 1\n", "line 1: it must be an object with version: 1 and exemptions"),
        ("version: 2\nexemptions: []\n", "line 1: version=2: must be 1"),
        ("version: 1\nexemptions: no\n", "line 2: exemptions must be a list: each entry"),
        ("version: 1\nexemptions: [a]\n", "line 2: entry=a: must be an object, such as"),
        ("version: 1\nexemptions: [\n", "line 3: it is no YAML: expected the node content"),
    ],
)
def test_what_is_no_exemptions_file_has_no_entries(text: str, said: str) -> None:
    [problem] = problems(text)
    assert problem.startswith(said)
    assert not read(text).is_whole


def test_the_same_user_twice_is_a_mistake() -> None:
    first = with_field("user", "ann")
    second = first.removeprefix("version: 1\nexemptions:\n").replace("2026-12-31", "2027-12-31")

    assert problems(first + second) == ["line 9: ann has an entry already, in line 3"]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@example(b"version: 1\nexemptions:\n- expiry: [2026-12-31]\n")
def test_nothing_makes_the_reader_raise(body: bytes) -> None:
    file = read_exemptions_file(body, place="x")

    assert file.entries == () or file.is_whole


# --- how a member stands


@pytest.mark.parametrize(
    ("days", "standing"),
    [
        (-400, Standing.ENDED),
        (0, Standing.ENDED),
        (1, Standing.ENDING),
        (ENDS_SOON, Standing.ENDING),
        (ENDS_SOON + 1, Standing.VALID),
        (LONGEST, Standing.VALID),
        (LONGEST + 1, Standing.TOO_LONG),
    ],
)
def test_an_exemption_stands_by_the_days_that_are_left(days: int, standing: Standing) -> None:
    file = read(with_field("expiry", (TODAY + timedelta(days=days)).isoformat()))

    found = exemption_of(file, SHOP, "ann", TODAY, LONGEST)

    assert found is not None
    assert found.standing is standing
    assert found.is_lapsed is (standing in {Standing.ENDED, Standing.TOO_LONG})


def test_where_nobody_can_tell_no_exemption_has_lapsed() -> None:
    broken = read(with_field("expiry", "2026-01-01") + "- {user: bob}\n")
    unreadable = "AccessDenied"

    ended = exemption_of(broken, SHOP, "ann", TODAY, LONGEST)
    missing = exemption_of(broken, SHOP, "carl", TODAY, LONGEST)
    unread = exemption_of(unreadable, SHOP, "ann", TODAY, LONGEST)

    for found in (ended, missing, unread):
        assert found is not None
        assert found.standing is Standing.UNKNOWN
    assert ended is not None
    lacks = "line 9: the entry has no account, ticket, owner, reason, expiry"
    assert ended.why == f"exemptions.yaml is broken: {lacks}"
    assert exemption_of(None, SHOP, "ann", TODAY, LONGEST) is None
    # An entry that can be read is as good as in any other file.
    good = read(with_field("expiry", "2026-12-31") + "- {user: bob}\n")
    valid = exemption_of(good, SHOP, "ann", TODAY, LONGEST)
    assert valid is not None
    assert valid.standing is Standing.VALID


def test_an_entry_without_its_member_is_named() -> None:
    file = read(YAML)

    [said] = without_member(file, SHOP, ["bob"], TODAY)
    assert said == (
        "the exemptions file names legacy-erp (line 5), who is not in the exemption group: "
        "an entry alone exempts nobody"
    )
    assert list(without_member(file, SHOP, ["legacy-erp"], TODAY)) == []
    assert list(without_member(file, SHOP, [], date(2027, 6, 1))) == []


# --- one entry is changed, and every other character stays


def test_an_end_is_moved_and_every_comment_is_kept() -> None:
    file = read(YAML)

    text = with_expiry(file, file.entries[0], date(2027, 2, 28))

    assert text == YAML.replace("expiry: 2026-12-31", "expiry: 2027-02-28")
    text = with_expiry(file, file.entries[1], date(2027, 2, 28))
    assert text == YAML.replace("expiry: 2027-01-15", "expiry: 2027-02-28")


@pytest.mark.parametrize(
    "text",
    [
        NEW,
        "version: 1\nexemptions:   # none yet\n".replace("   #", " []  #"),
        with_field("user", "ann"),
        with_field("user", "ann").rstrip("\n"),
        with_field("user", "ann") + "  # a comment\n",
        with_field("user", "ann").removeprefix("version: 1\n") + "version: 1\n",
    ],
)
def test_an_entry_is_added_behind_the_last(text: str) -> None:
    file = read(text)
    assert file.is_whole

    added = with_entry(file, ENTRY)

    lines = iter(added.splitlines())
    assert all(line in lines for line in text.splitlines() if "[]" not in line)
    *others, last = read(added).entries
    assert [each.user for each in others] == [each.user for each in file.entries]
    assert (last.user, last.reason, last.since) == ("build", "it: moves # soon", TODAY)


@pytest.mark.parametrize("mangled", ["yes", "#1", "- x", '"', "é: ü", "1", "a: b", "'", "*x", "&"])
def test_whatever_a_person_writes_is_read_as_that(mangled: str) -> None:
    entry = ExemptionEntry(
        line=0,
        account="012345678901",
        user="=,.@-_+",
        ticket=mangled,
        owner="a@example.com",
        reason=mangled,
        expiry=TODAY,
    )

    [found] = read(with_entry(read(NEW), entry)).entries

    assert (found.account, found.user, found.ticket, found.reason) == (
        "012345678901",
        "=,.@-_+",
        mangled,
        mangled,
    )


def test_what_cannot_be_edited_safely_is_left() -> None:
    one_line = (
        'version: 1\nexemptions: [{account: "333333333333", user: ann, ticket: T, '
        "owner: a@example.com, reason: x, expiry: 2026-12-31}]\n"
    )
    broken = with_field("owner", "nobody")

    with pytest.raises(OrderNotDone, match=r"not written one field a line.*change it by hand"):
        with_entry(read(one_line), ENTRY)
    with pytest.raises(OrderNotDone, match=r"is broken \(line 6: owner=nobody.*mend it first"):
        with_entry(read(broken), ENTRY)
    with pytest.raises(OrderNotDone, match="ann has an entry already, in line 3: extend or end"):
        with_entry(
            read(with_field("user", "ann")),
            ExemptionEntry(**{**{f: getattr(ENTRY, f) for f in ENTRY.__slots__}, "user": "ann"}),
        )
