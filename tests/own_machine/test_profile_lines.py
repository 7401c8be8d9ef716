"""Of the files of the AWS SDKs two values are changed, and not one other byte."""

import configparser

import botocore.configloader
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.own_machine.model.access_key import AccessKey
from keyturn.own_machine.model.errors import UnclearProfile
from keyturn.own_machine.model.profile_lines import section_of, with_key

SECRET = "new+secret/new"
NEW = AccessKey(key_id="AKIANEWNEWNEWNEW", secret=SECRET)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "[a]\naws_access_key_id = OLD\naws_secret_access_key = old\n",
            "[a]\naws_access_key_id = AKIANEWNEWNEWNEW\naws_secret_access_key = new+secret/new\n",
            id="as aws configure writes it",
        ),
        pytest.param(
            "[a]\naws_access_key_id=OLD\naws_secret_access_key:old",
            "[a]\naws_access_key_id=AKIANEWNEWNEWNEW\naws_secret_access_key:new+secret/new",
            id="no blanks, a colon, no end of the last line",
        ),
        pytest.param(
            "[a]\r\n# mine\r\nAWS_Access_Key_ID =  OLD \r\naws_secret_access_key\t=\told\r\n",
            "[a]\r\n# mine\r\nAWS_Access_Key_ID =  AKIANEWNEWNEWNEW \r\n"
            "aws_secret_access_key\t=\tnew+secret/new\r\n",
            id="CRLF, a comment, capitals, blanks and tabs",
        ),
        pytest.param(
            "\ufeff[a]\naws_secret_access_key = old\n\naws_access_key_id = OLD\n",
            "\ufeff[a]\naws_secret_access_key = new+secret/new\n\n"
            "aws_access_key_id = AKIANEWNEWNEWNEW\n",
            id="a byte-order mark, the other order, an empty line",
        ),
        pytest.param(
            "[a]\naws_access_key_id = OLD\naws_secret_access_key = old\naws_session_token = t\n"
            "aws_security_token = u\n  v\nregion = x\n",
            "[a]\naws_access_key_id = AKIANEWNEWNEWNEW\naws_secret_access_key = new+secret/new\n"
            "region = x\n",
            id="tokens of the old key, one on two lines",
        ),
        pytest.param(
            "[a]\naws_access_key_id = OLD",
            "[a]\naws_access_key_id = AKIANEWNEWNEWNEW\naws_secret_access_key = new+secret/new\n",
            id="no secret yet, no end of the last line",
        ),
        pytest.param(
            "[a]\r\n  aws_access_key_id = OLD\r\n[b]\r\n",
            "[a]\r\n  aws_access_key_id = AKIANEWNEWNEWNEW\r\n"
            "  aws_secret_access_key = new+secret/new\r\n[b]\r\n",
            id="no secret yet, indented, CRLF",
        ),
        pytest.param(
            "[b]\naws_access_key_id = B\n[a] # mine\n;aws_access_key_id = OLDER\n"
            "aws_access_key_id = OLD\naws_secret_access_key = a=b\n[c]\naws_access_key_id = C\n",
            "[b]\naws_access_key_id = B\n[a] # mine\n;aws_access_key_id = OLDER\n"
            "aws_access_key_id = AKIANEWNEWNEWNEW\naws_secret_access_key = new+secret/new\n"
            "[c]\naws_access_key_id = C\n",
            id="between others, a setting in a comment, an equals sign in the value",
        ),
        pytest.param(
            "[a]\ns3 =\n  aws_access_key_id = NESTED\naws_access_key_id = OLD\n"
            "aws_secret_access_key = old\n",
            "[a]\ns3 =\n  aws_access_key_id = NESTED\naws_access_key_id = AKIANEWNEWNEWNEW\n"
            "aws_secret_access_key = new+secret/new\n",
            id="the same name within another setting",
        ),
        pytest.param(
            "name = \udcff\n[a]\naws_access_key_id = OLD\naws_secret_access_key = old\n# \udcfe",
            "name = \udcff\n[a]\naws_access_key_id = AKIANEWNEWNEWNEW\n"
            "aws_secret_access_key = new+secret/new\n# \udcfe",
            id="bytes that are no UTF-8",
        ),
    ],
)
def test_two_values_are_changed_and_nothing_else(before: str, after: str) -> None:
    assert with_key(before, ["a"], NEW) == after


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[a]\n[b]\n[a]\n", r"\[a\] is there twice, in lines 1 and 3"),
        ("[a]\naws_access_key_id=A\nAWS_ACCESS_KEY_ID=B\n", "twice, in lines 2 and 3"),
        ("[a]\nregion = x\n", "has no aws_access_key_id"),
        ("[b]\naws_access_key_id = x\n", "has no aws_access_key_id"),
        ("[a]\naws_access_key_id =\n  OLD\n", "has aws_access_key_id on several lines"),
        ("[a]\naws_access_key_id = O\naws_secret_access_key=\n old\n", "on several lines"),
        ("", "has no aws_access_key_id"),
    ],
)
def test_what_is_not_clear_is_left_alone(text: str, why: str) -> None:
    with pytest.raises(UnclearProfile, match=why):
        with_key(text, ["a"], NEW)


NAMES = st.sampled_from(
    ["aws_access_key_id", "AWS_SECRET_ACCESS_KEY", "region", "s3", "aws_session_token"]
)
LINES = st.one_of(
    st.sampled_from(["[a]", "[b]", "[a] ", "[profile a]", "", "  ", "# [a]", "; x = y"]),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "", "  ", "\t"]),
        NAMES,
        st.sampled_from(["=", " = ", ": ", "= "]),
        st.sampled_from(["OLD", "", "a b", "a=b", "[a]", "# x"]),
    ),
)


@given(lines=st.lists(LINES, max_size=12), end=st.sampled_from(["\n", "\r\n"]))
def test_whatever_python_reads_is_found_where_python_finds_it(lines: list[str], end: str) -> None:
    """botocore reads with configparser: the judge of what a line is."""
    text = end.join(lines)
    before = configparser.RawConfigParser()
    try:
        before.read_string(text)
        there = before.has_option("a", "aws_access_key_id")
    except configparser.Error:
        return

    section = section_of(text, ["a"])

    found = section.get("aws_access_key_id") if section else None
    assert (found is not None) is there
    if found is None or "\n" in before["a"]["aws_access_key_id"].strip():
        return
    assert found.value == before["a"]["aws_access_key_id"].strip()
    try:
        changed = with_key(text, ["a"], NEW)
    except UnclearProfile:
        return
    after = configparser.RawConfigParser()
    after.read_string(changed)
    for name in before.sections():
        expected = dict(before[name])
        if name == "a":
            expected.pop("aws_session_token", None)
            expected |= {"aws_access_key_id": NEW.key_id, "aws_secret_access_key": NEW.secret}
        assert {key: value.strip() for key, value in after[name].items()} == {
            key: value.strip() for key, value in expected.items()
        }


def test_botocore_reads_what_was_written(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("aws") / "credentials"
    before = "[a]\r\nAWS_ACCESS_KEY_ID: OLD\r\nregion = x\r\n"
    path.write_bytes(with_key(before, ["a"], NEW).encode())

    read = botocore.configloader.raw_config_parse(str(path))

    assert read["a"]["aws_access_key_id"] == NEW.key_id
    assert read["a"]["aws_secret_access_key"] == NEW.secret
