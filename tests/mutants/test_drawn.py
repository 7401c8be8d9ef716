"""The breaks that are drawn: which there are, how they are drawn, how they end."""

import ast
from collections import Counter

import pytest
import yaml

from tests.mutants import drawn, enclosing, python_breaks, template_breaks
from tests.mutants.drawn import Fate, Map, Watched, candidates, change_of, draw, is_real, room_of
from tests.mutants.python_breaks import Break
from tests.mutants.run import ROOT

CODE = '''
LIMIT = 30

def first(given, most=3, *, quiet=False):
    """Say which."""
    if not given or len(given) > LIMIT:
        return []
    try:
        report(given["name"])
    except ValueError:
        raise
    return sorted(given.get("ages", ()))[0] if quiet else min(given)
'''


OF = "src/keyturn/domain/a.py"


def watched(
    seconds: float, *lines: int, path: str = OF, starts: bool = False, opens: str = ""
) -> Watched:
    """Make a note of a test, and of the lines of one file that it runs."""
    bits = {path: sum(1 << line for line in lines)} if lines else {}
    return Watched(seconds=seconds, starts=starts, opens=frozenset({opens}), lines=bits)


BROKEN = {
    "boundary": {"(len(given) >= LIMIT)"},
    "comparison flipped": {"(len(given) <= LIMIT)"},
    "constant": {"31", "(29)", "4", "(2)", "1", "(-1)"},
    "order reversed": {"sorted(given.get('ages', ()), reverse=True)", "-1", "max"},
    "call deleted": {"pass"},
    "default changed": {"31", "4", "True"},
    "string key changed": {"'namex'", "'agesx'"},
    "return emptied": {"return None"},
    "except emptied": {"pass"},
    "not removed": {"bool(given)"},
    "if forced": {"(True)", "(False)"},
    "and or swapped": {"(not given and len(given) > LIMIT)"},
}
TEMPLATE = """
Parameters:
  Days: {Type: Number, Default: 90, AllowedPattern: '[0-9]+'}
Resources:
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Condition: Wanted
    DeletionPolicy: Retain
    Properties:
      Statistic: Sum
      Threshold: 0
      KmsMasterKeyId: !Ref Key
      Dimensions: [{Name: Queue, Value: !Ref Queue}]
      Statement:
        - Action: [sqs:SendMessage, sqs:ReceiveMessage]
          Condition: {Bool: {a: b}}
          Resource:
            - !Ref Queue
            - !Ref Other
        - Action: sns:Publish
          Resource: !Ref Topic
"""


def test_every_kind_of_break_is_found_in_python() -> None:
    found: dict[str, set[str]] = {}
    for each in python_breaks.breaks_in("a.py", CODE):
        if python_breaks.is_another_program(each.of(CODE), CODE):
            ast.parse(each.of(CODE))
            found.setdefault(each.operator, set()).add(each.new)

    assert found == BROKEN


def test_every_kind_of_break_is_found_in_a_template() -> None:
    found = list(template_breaks.template_breaks_in("a.yaml", TEMPLATE))

    assert {each.operator for each in found} == set(template_breaks.OPERATORS)
    for each in found:
        assert template_breaks.is_another_template(each.of(TEMPLATE), TEMPLATE)
        assert yaml.compose(each.of(TEMPLATE)) is not None


def test_the_draw_is_even_over_kinds_and_rooms_and_the_same_for_a_seed() -> None:
    among = candidates(drawn.sources())
    chosen = draw(among, 60, "2026-W48")

    kinds = Counter(each.operator for each in chosen)
    rooms = Counter(room_of(each.path) for each in chosen)
    assert chosen[:8] == draw(among, 8, "2026-W48") != draw(among, 8, "2026-W49")
    assert len(set(chosen)) == 60
    assert set(kinds) == {*python_breaks.OPERATORS, *template_breaks.OPERATORS}
    assert max(kinds.values()) <= 5
    assert rooms["CloudFormation"] == 15
    assert min(rooms.values()) >= 3
    assert not [each for each in chosen if "sandbox" in each.path]


def test_every_break_that_is_said_to_be_equivalent_can_still_be_made() -> None:
    listed = drawn.equivalents()
    paths = {path for path, _, _ in listed}
    there = {(each.path, *change_of(each)): each for each in candidates(paths)}

    assert all(why.endswith(".") for why in listed.values())
    assert set(listed) <= set(there)
    assert all(is_real(there[each]) for each in listed)


def test_a_break_is_tried_with_the_tests_that_run_its_line_the_quick_ones_first() -> None:
    at = CODE.index("report")
    broken = Break(OF, "call deleted", at, at + 6, "x", 9)
    seen = {
        "tests/slow.py::test_it": watched(9, 9),
        "tests/quick.py::test_it": watched(1, 9),
        "tests/quick.py::test_else": watched(1, 7),
        "tests/reads.py::test_it": watched(1, opens=OF),
        "tests/process.py::test_it": watched(30, starts=True),
        "tests/other.py::test_it": watched(1),
    }

    own, wider = Map(seen).for_break(broken, CODE)

    assert own == ["tests/quick.py::test_it", "tests/slow.py::test_it"]
    assert wider == [
        "tests/quick.py::test_else",
        "tests/reads.py::test_it",
        "tests/process.py::test_it",
    ]


@pytest.mark.parametrize(
    ("line", "used"), [(2, {6}), (4, {6, 7, 8, 9, 10, 11, 12})], ids=["constant", "default"]
)
def test_what_runs_at_import_is_tried_where_it_is_used(line: int, used: set[int]) -> None:
    broken = Break("a.py", "constant", 0, 0, "", line)

    nearest = next(bits for bits in enclosing.lines_to_look_for(broken, CODE) if bits)

    assert used <= {bit for bit in range(20) if nearest >> bit & 1}


def test_the_score_leaves_out_what_changes_nothing() -> None:
    [one, *_] = candidates(["src/keyturn/domain/days.py"])
    fates = [Fate(one, "tests/a.py::test", 1)] * 3 + [
        Fate(one, None, 1),
        Fate(one, None, 1, "So."),
    ]

    lines = drawn.table(fates)

    assert lines[-1] == "3 of 4 that change anything were caught: 75 %"


def test_only_lines_that_are_new_are_drawn_from_if_that_is_asked() -> None:
    [one, *_] = candidates(["src/keyturn/domain/days.py"])

    found = candidates([one.path], {one.path: {one.line}})

    assert {each.line for each in found} == {one.line}


def test_a_break_is_caught_by_a_test_that_fails_and_the_tree_stays_as_it_is() -> None:
    path = "src/keyturn/domain/days.py"
    test = "tests/domain/test_days.py::test_a_day_counts_from_twelve_hours_before_it_is_over"
    text = (ROOT / path).read_text()
    at = text.index("timedelta(hours=12)") + len("timedelta(hours=")
    breaks = [
        Break(path, "constant", at, at + 2, new, text.count("\n", 0, at) + 1)
        for new in ("1", "12.0")
    ]
    runs_it = watched(1, breaks[0].line, path=path)
    seen = {f"{test}[{case}]": runs_it for case in ("-12-90", "0-90", "12-91")}

    caught, lived = drawn.tried(breaks, Map(seen))

    assert str(caught.caught_by).startswith(test)
    assert (lived.caught_by, lived.verdict, lived.tried) == (None, "SURVIVED", len(seen))
    assert (ROOT / path).read_text() == text
