"""The canary finds what it is there to find: tried on test sessions of its own."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.canary_plants import FORMS, KEY, PLACES, SECRET

ROOT = Path(__file__).parent.parent
PLANTS = "tests/canary_plants.py"


@cache
def session(chosen: str, *options: str) -> tuple[int, str]:
    """Exit code and output of a session of those planted tests."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", PLANTS, "-k", chosen, "-p", "no:cacheprovider", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout


def told(output: str) -> str:
    """What the canary has to say: pytest itself shows a warning as it is."""
    return output.partition("secrets that got out")[2]


def findings(output: str) -> set[str]:
    return set(re.findall(r"^AK.*", output, re.MULTILINE))


def planted(*options: str) -> tuple[int, str]:
    return session("test_place or test_form or test_failed", *options)


def test_a_session_that_let_a_secret_out_fails_though_every_test_passes() -> None:
    code, output = planted()

    assert code == 1
    assert "secrets that got out" in output
    assert re.search(rf" {len(PLACES) + len(FORMS)} passed, .* 1 xfailed,", output)
    assert SECRET not in told(output)


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_is_found_wherever_it_got_out(place: str) -> None:
    where, test, folder = PLACES[place][1], f"[{place}]", f"/test_place_{place}_0/"

    found = [each for each in findings(planted()[1]) if f", as it is: {where}" in each]

    assert any(each.endswith(test) or folder in each for each in found)


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_in_every_form(form: str) -> None:
    name = FORMS[form][1]

    assert f"{KEY}, {name}: a form, {PLANTS}::test_form[{form}]" in findings(planted()[1])


def test_a_secret_in_the_report_of_a_failed_test_is_found() -> None:
    found = {finding.partition(": ")[2] for finding in findings(planted()[1])}

    assert f"the report of a test, {PLANTS}::test_failed" in found
    assert f"the error of a test, {PLANTS}::test_failed" in found


def test_every_worker_looks_for_itself_and_one_tells() -> None:
    code, output = planted("-n", "2")

    alone, together = (
        {finding for finding in findings(said) if KEY in finding and "the file" not in finding}
        for said in (planted()[1], output)
    )
    assert code == 1
    assert together == alone
    assert SECRET not in told(output)


def test_a_secret_may_be_where_it_belongs_and_where_a_test_says_that_it_lets_it_out() -> None:
    code, output = session("test_where_it_belongs or test_marked and not nothing")

    assert code == 0
    assert findings(output) == set()
    assert "canary: looked for 3 secrets in" in output


def test_what_one_test_may_do_excuses_no_other() -> None:
    code, output = session("test_marked and not nothing or output")

    assert code == 1
    assert {finding.rpartition("::")[2] for finding in findings(output)} == {
        "test_place[output]",
        "test_place[command-output]",
    }


def test_a_test_that_says_so_and_lets_none_out_fails_the_session() -> None:
    code, output = session("test_marked_for_nothing")

    assert code == 1
    assert (
        f"no secret, though marked lets_a_secret_out: {PLANTS}::test_marked_for_nothing" in output
    )
