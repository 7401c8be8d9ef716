"""Each action that can be named has words wherever it is: none of them is silently empty."""

import re
from dataclasses import replace
from typing import Any

import pytest

from keyturn.cli.tables import DOING, STYLES
from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.decision import WRITING, Action
from keyturn.domain.worst_lines import DigestLine, DigestList
from keyturn.functions.result_log import WRITE_OF
from keyturn.mail.samples_of_day import DAYS
from tests.mail.test_words import MAILS, flat


def a_day(action: Action, name: str) -> AdminDigest:
    """A day on which one thing was done, or would be."""
    line = DigestLine(
        account="111111111111", name="prod", user="ann", key_id="AKIA1", what="why", action=action
    )
    day = replace(
        DAYS["daily-quiet"],
        accounts_enforced=int(name == "done"),
        accounts_dry=int(name == "planned"),
    )
    found = DigestList(total=1, worst=(line,))
    changed: dict[str, Any] = {name: found, f"{name}_counts": {action: 1}}
    return replace(day, **changed)


@pytest.mark.parametrize("name", ["done", "planned"])
def test_each_action_has_its_words_in_the_mail_of_a_day(name: str) -> None:
    said = {}
    for action in sorted(WRITING):
        mail = MAILS.mail_of(a_day(action, name))
        did = re.search(r"([a-z ]*): why", flat(mail.text))
        counted = re.search(r"1 key ([^.]*)\.", flat(mail.text))
        assert did is not None
        assert counted is not None, mail.text
        said[action] = did[1].strip(), counted[1]
    words = {did for did, _ in said.values()}

    assert "" not in words
    assert len(words) == len({counted for _, counted in said.values()}) == len(WRITING)


def test_each_action_has_its_words_in_tables_and_log() -> None:
    assert set(STYLES) == set(Action)
    assert set(DOING) == set(WRITE_OF) == WRITING
