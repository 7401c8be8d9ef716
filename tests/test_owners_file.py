"""What administrators write into the owners file, and what each mistake in it is called."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keyturn.domain.owners_file import (
    Contact,
    OwnerRule,
    OwnersFile,
    diverting_rules,
    hidden_rules,
)
from keyturn.schemas.owners_file import (
    LARGEST,
    MOST_RULES,
    FileForm,
    RuleField,
    read_owners_file,
)

YAML = """\
version: 1
rules:
- account: 012345678901   # no quotes needed: it is read as it stands
  user: deploy-*
  addresses: [team@example.com, lead@example.com]
  slack_channel: "#deploy"
- unit: ou-ab12-payments
  path: /robots/*
  slack_user: U012AB3CD
  jira_project: PAY
  jira_assignee: 557058:f58131cb-b67d-43c7-b30d-6b58d40bd077
- addresses: mailto:security@example.com, cloud@example.com
"""
CSV = """\
account,unit,path,user,addresses,slack_user,slack_channel,jira_project,jira_assignee
012345678901,,,deploy-*,team@example.com lead@example.com,,#deploy,,
,ou-ab12-payments,/robots/*,,,U012AB3CD,,PAY,557058:f58131cb-b67d-43c7-b30d-6b58d40bd077
,,,,"mailto:security@example.com, cloud@example.com",,,,
"""
DEPLOY = Contact(addresses=("team@example.com", "lead@example.com"), slack_channel="#deploy")
PAYMENTS = Contact(
    slack_user="U012AB3CD",
    jira_project="PAY",
    jira_assignee="557058:f58131cb-b67d-43c7-b30d-6b58d40bd077",
)
OTHERS = Contact(addresses=("security@example.com", "cloud@example.com"))


def read(text: str | bytes, form: FileForm = FileForm.YAML) -> OwnersFile:
    body = text if isinstance(text, bytes) else text.encode()
    return read_owners_file(body, form, place=f"owners.{form}")


def with_rule(rule: str) -> str:
    """A file whose second rule is this one, on line 5, between two good ones."""
    first, last = "addresses: a@example.com", "addresses: z@example.com"
    return f"version: 1\nrules:\n- user: first\n  {first}\n- {rule}\n- user: last\n  {last}\n"


def problems(file: OwnersFile) -> list[str]:
    return [str(each) for each in file.problems]


@pytest.mark.parametrize(
    ("text", "form", "lines"),
    [(YAML, FileForm.YAML, (3, 7, 12)), (CSV, FileForm.CSV, (2, 3, 4))],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_both_forms_say_the_same(
    text: str, form: FileForm, lines: tuple[int, ...], ending: str, mark: str
) -> None:
    file = read(mark + text.replace("\n", ending), form)

    assert file.problems == ()
    assert file.rules == (
        OwnerRule(line=lines[0], account="012345678901", user="deploy-*", contact=DEPLOY),
        OwnerRule(line=lines[1], unit="ou-ab12-payments", path="/robots/*", contact=PAYMENTS),
        OwnerRule(line=lines[2], contact=OTHERS),
    )


FIELDS = ", ".join(RuleField)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("acount: 1", f"acount=1: no field of a rule has that name; they are {FIELDS}"),
        ("user: ''", "user=: is empty: leave the field out"),
        ("user:", "user=: is empty: leave the field out"),
        ("user: [a, b]", "user=a, b: must be one text, and no list"),
        ("user: {a: b}", "user=…: must be a text, or a list of texts"),
        ("user: a b", "user=a b: can match no user: IAM's names have letters, digits and"),
        (f"user: {'a' * 65}", "can match no user: IAM's names have 64 characters at most"),
        ("user: Jürgen", "user=Jürgen: can match no user"),
        ("account: 12345678901", "account=12345678901: can match no account: an id has 12 digits"),
        ("account: 1.23457E+11", "account=1.23457E+11: must be an account id, in which * and ?"),
        ("account: 0123456789012", "account=0123456789012: can match no account"),
        ("account: 123456789012?*", "account=123456789012?*: can match no account"),
        ("account: prod", "account=prod: must be an account id"),
        ("unit: Workloads", "unit=Workloads: must be the whole id of an organisational unit"),
        ("unit: ou-ab12-*", "unit=ou-ab12-*: must be the whole id of an organisational unit"),
        ("path: robots", "path=robots: can match no path: IAM's paths begin and end with /"),
        ("path: /robots", "path=/robots: can match no path: IAM's paths begin and end with /"),
        ("path: /a b/", "path=/a b/: can match no path: IAM's paths have no blanks"),
        (f"path: /{'a' * 511}/", "can match no path: IAM's have 512 characters at most"),
        ("slack_user: ann", "slack_user=ann: must be a member's id, U… or W…"),
        ("slack_channel: deploy", "slack_channel=deploy: must be a channel's id, C… or G…"),
        ("jira_project: pay", "jira_project=pay: must be the key of a project"),
        ("jira_assignee: ann", "jira_assignee=ann: needs jira_project"),
        ("addresses: team", "addresses=team: is no e-mail address"),
        ("addresses: a@example.com@b", "addresses=a@example.com@b: is no e-mail address"),
        ("addresses: []", "addresses=: is empty: leave the field out"),
        ("addresses: [[a@example.com]]", "addresses=…: must be a text, or a list of texts"),
        ("addresses: ', ;'", "addresses=, ;: is no e-mail address"),
        ("user: second", "the rule names nobody: it needs one of addresses, slack_user"),
        ("second", "rule=second: must be an object, such as user: deploy-*"),
        ("{user: a, user: b}", "user stands there twice"),
        ("{[a]: b}", "the name of a field must be a text"),
    ],
)
def test_a_broken_rule_is_left_out_and_named_and_the_others_serve(rule: str, said: str) -> None:
    file = read(with_rule(rule))

    assert [each.user for each in file.rules] == ["first", "last"]
    [problem] = file.problems
    assert str(problem).startswith("line 5: ")
    assert said in str(problem)
    assert not problem.is_warning


def test_of_several_addresses_the_good_ones_serve_and_the_other_is_named() -> None:
    file = read(with_rule("addresses: [good@example.com, bad, GOOD@example.com]"))

    assert file.rules[1].contact == Contact(addresses=("good@example.com",))
    assert problems(file) == ["line 5: addresses=bad: is no e-mail address"]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ann@localhost", "ann@localhost"),
        ("müller@example.com", "müller@example.com"),
        ("a..b@example.com", "a..b@example.com"),
        ('"\\ud800@example.com"', "\N{REPLACEMENT CHARACTER}@example.com"),
    ],
)
def test_an_address_that_would_never_serve_is_none(address: str, shown: str) -> None:
    file = read(with_rule(f"user: x\n  addresses: {address}"))

    assert len(file.rules) == 2
    assert problems(file) == [f"line 6: addresses={shown}: is no e-mail address"]


@pytest.mark.parametrize(
    ("text", "addresses", "wrong"),
    [
        ("Ann Lee <a@example.com>", "a", None),
        ("'Ann <a@example.com>, Bob <mailto:b@example.com>; c@example.com'", "abc", None),
        ("<a@example.com>", "a", None),
        ("['Lee, Ann <a@example.com>', b@example.com]", "ab", "Lee"),
        ("b@example.com Ann <a@example.com>", "ba", "Ann"),
    ],
)
def test_an_address_behind_its_owners_name_is_read(
    text: str, addresses: str, wrong: str | None
) -> None:
    file = read(with_rule(f"user: x\n  addresses: {text}"))

    assert file.rules[1].contact.addresses == tuple(f"{each}@example.com" for each in addresses)
    assert problems(file) == (
        [f"line 6: addresses={wrong}: is no e-mail address"] if wrong else []
    )


def test_more_addresses_than_are_notified_are_warned_of() -> None:
    many = " ".join(f"a{number}@example.com" for number in range(11))

    file = read(with_rule(f"user: x\n  addresses: {many}"))

    assert problems(file) == [
        "line 6: warning: the rule has 11 addresses, and the first 10 are notified"
    ]
    assert len(file.rules) == 3


def test_an_address_that_is_not_allowed_is_none() -> None:
    text = with_rule("addresses: [in@example.com, out@elsewhere.example]").encode()

    file = read_owners_file(
        text, FileForm.YAML, place="", allows=lambda address: address.endswith("@example.com")
    )

    assert file.rules[1].contact.addresses == ("in@example.com",)
    assert problems(file) == [
        (
            "line 5: addresses=out@elsewhere.example: is of a domain that AllowedOwnerDomains "
            "does not allow"
        )
    ]


def test_what_serves_in_another_way_needs_no_address() -> None:
    file = read(with_rule('{addresses: nobody, slack_channel: "#deploy"}'))

    assert file.rules[1].contact == Contact(slack_channel="#deploy")
    assert problems(file) == ["line 5: addresses=nobody: is no e-mail address"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("\ufeff \r\n", "it is empty"),
        ("# later\n", "it must be an object with version: 1 and rules"),
        ("rules: []\n", "line 1: it must be an object with version: 1 and rules"),
        ("version: 1\n", "line 1: it must be an object with version: 1 and rules"),
        ("version: 2\nrules: []\n", "line 1: version=2: must be 1"),
        ("version: 1\nrules: all\n", "line 2: rules must be a list: each rule begins with a dash"),
        ("version: 1\nrules: []\nrules: []\n", "line 3: rules stands there twice"),
        ("version: 1\nrules:\n\t- user: a\n", "line 3: it is no YAML: found character '\\t'"),
        ("version: 1\nrules:\n- user: *\n", "line 3: it is no YAML: expected alphabetic"),
        ("version: 1\nrules:\n- user: *-bot\n", "line 3: it uses & or *, YAML's references"),
        ("version: 1\nrules:\n- &a {user: b}\n", "line 3: it uses & or *, YAML's references"),
        ("version: 1\nrules:\n- !!python/name:os.system {}\n", "line 3: it uses !, YAML's tags"),
        ("version: 1\nrules: []\n---\nversion: 1\n", "line 3: it is no YAML: but found another"),
        ("version: 1\nrules: \x07", "line 2: it is no YAML: it holds the character U+0007"),
        ('version: 1\nrules: "\\UFFFFFFFF"', "it is no YAML: an escape stands for no character"),
        ("[" * 100_000, "line 1: it nests deeper than 20 levels"),
        ("version: 1\nrules:\n- user: é\n".encode("latin-1"), "line 3: it holds a byte that is"),
        ("version: 1".encode("utf-16"), "line 1: it holds a byte that is not UTF-8"),
        ("#" * (LARGEST + 1), "it has 2097153 bytes; at most 2097152 are read"),
    ],
)
def test_what_is_no_yaml_of_ours_is_a_file_without_rules(text: str | bytes, said: str) -> None:
    file = read(text)

    assert file.rules == ()
    assert len(file.problems) == 1
    assert problems(file)[0].startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("user;addresses\na;a@example.com\n", "line 1: its columns must be separated by commas"),
        ("user\taddresses\n", "line 1: its columns must be separated by commas"),
        ("user,address\n", "line 1: column=address: no column has that name; they are"),
        ("user,user,addresses\n", "line 1: column=user: stands there twice"),
        ("user,addresses,\n", "line 1: column=: no column has that name"),
        ('user,addresses\na,a@example.com\n"b,b@example.com\n', "line 3: it is no CSV"),
        ("user,addresses\n" + "a" * 200_000 + ",b\n", "line 2: it is no CSV: field larger than"),
        ("addresses\n" + "a@example.com\n" * (MOST_RULES + 1), "it has more than 20000 rules"),
    ],
)
def test_what_is_no_csv_of_ours_is_a_file_without_rules(text: str, said: str) -> None:
    file = read(text, FileForm.CSV)

    assert file.rules == ()
    assert len(file.problems) == 1
    assert problems(file)[0].startswith(said)


def test_a_row_that_does_not_fit_the_columns_is_left_out() -> None:
    file = read(
        "user,addresses\n"
        "a,a@example.com\n"
        "\n"
        ",\n"
        '"b","b@example.com\nc@example.com"\n'
        "d,d@example.com,x\n"
        "e\n"
        "f,\n",
        FileForm.CSV,
    )

    assert [(each.line, each.user) for each in file.rules] == [(2, "a"), (5, "b")]
    assert problems(file) == [
        "line 7: the rule has 3 cells, and the first line 2",
        "line 8: the rule has 1 cells, and the first line 2",
        (
            "line 9: the rule names nobody: it needs one of addresses, slack_user, slack_channel, "
            "jira_project"
        ),
    ]


def test_a_field_that_the_file_has_not_is_named_and_costs_nothing() -> None:
    file = read("version: 1\nowner: ann\nrules:\n- addresses: a@example.com\n")

    assert len(file.rules) == 1
    assert problems(file) == ["line 2: owner=ann: the file has no such field"]


def test_what_nobody_may_see_on_a_terminal_is_not_shown() -> None:
    file = read(with_rule('user: "a\\e[31m\\u202e"'))

    assert problems(file)[0].startswith("line 5: user=a\N{REPLACEMENT CHARACTER}[31m")
    assert problems(file)[0].isprintable()


def test_a_rule_that_an_earlier_one_hides_is_warned_of() -> None:
    file = read(
        "user,account,addresses\n"
        "deploy-*,,a@example.com\n"
        "deploy-bot,,b@example.com\n"
        "other,111111111111,c@example.com\n"
        "other,111111111111,d@example.com\n"
        "other,222222222222,e@example.com\n",
        FileForm.CSV,
    )

    assert file.problems == ()
    assert [str(each) for each in hidden_rules(file.rules)] == [
        "line 3: warning: the rule never serves: line 2 matches all that it matches",
        "line 5: warning: the rule never serves: line 4 matches all that it matches",
    ]


def test_thousands_of_rules_with_patterns_are_compared_with_few() -> None:
    rows = "".join(f"team{number:04}-*,a@example.com\n" for number in range(3000))
    file = read(f"user,addresses\n{rows}team2999-b?t,b@example.com\n", FileForm.CSV)

    began = time.process_time()
    warned = [each.line for each in hidden_rules(file.rules)]

    assert warned == [3002]
    assert time.process_time() - began < 2  # seconds; of each with each: twice that, and more


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *("version: 1\n", "rules:\n", "- ", "  ", "\n", ": ", ", ", '"', "'", "[", "]"),
                *("{", "}", "&a", "*a", "!!int", "|\n", ">\n", "? ", "%YAML 1.2\n", "---\n", "\t"),
                *(f"{each}: " for each in RuleField),
                *("012345678901", "r-ab12", "/a/", "a@example.com", "U0123", "#x", "\\x", "\\u"),
                *(",".join(RuleField), "\r", "\0", "\ufeff", "\u2028", "..."),
            ]
        ),
        st.text(max_size=5),
    ),
    max_size=30,
).map("".join)


@given(text=PIECES, form=st.sampled_from(FileForm))
@example(text='"\\ud800"', form=FileForm.YAML)
def test_no_text_makes_the_reader_raise_or_say_more_than_a_line(text: str, form: FileForm) -> None:
    for start in ("", "version: 1\nrules:\n- user: a\n  ", "user,addresses\n"):
        file = read((start + text).encode("utf-8", "replace"), form)

        for each in file.problems:
            assert str(each).isprintable()
        for rule in file.rules:
            str(rule).encode()


@given(body=st.binary(max_size=50), form=st.sampled_from(FileForm))
def test_no_bytes_make_the_reader_raise(body: bytes, form: FileForm) -> None:
    assert all(str(each).isprintable() for each in read(body, form).problems)


def test_the_compiled_half_of_pyyaml_is_not_used() -> None:
    source = (Path(__file__).parents[1] / "src/keyturn/schemas/owners_yaml.py").read_text()

    assert "CLoader" not in source
    assert "CSafeLoader" not in source
    assert "CBaseLoader" not in source


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("deploy-*", "*-bot", True),
        ("deploy-*", "deploy-x", True),
        ("deploy-*", "build-*", False),
        ("a?c", "ab?", True),
        ("a?c", "ab", False),
        ("*a*b", "b*a", False),
        ("*", "x", True),
        ("", "*", True),
        ("*x", "*y", False),
        ("a*", "*", True),
        ("ann", "bob", False),
        (None, "bob", True),
    ],
)
def test_a_rule_without_addresses_is_named_where_a_later_one_may_match_the_same_user(
    one: str | None, other: str | None, meet: bool
) -> None:
    beside = OwnerRule(line=1, user=one, contact=Contact(slack_channel="#keys"))
    mailed = OwnerRule(line=2, user=other, contact=Contact(addresses=("a@example.com",)))

    assert bool(list(diverting_rules([beside, mailed]))) is meet
    assert list(diverting_rules([replace(mailed, line=1), replace(beside, line=2)])) == []
