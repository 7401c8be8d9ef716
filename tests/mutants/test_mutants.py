"""The breaks name tests that exist, and the runner says so when one is not caught."""

from pathlib import Path

import pytest

from tests.mutants.run import PATCHES, ROOT, Mutant, main

TEST = "tests/domain/test_days.py::test_a_day_counts_from_twelve_hours_before_it_is_over"
PATCH = f"""It is not.
caught by: {TEST}

--- a/src/keyturn/domain/days.py
+++ b/src/keyturn/domain/days.py
@@ -11,3 +11,3 @@
 DAY = timedelta(days=1)
-SLACK = timedelta(hours={{}})
+SLACK = {{}}
 \"\"\"Half a day: a run that starts earlier than the one before still counts the day.\"\"\"
"""


@pytest.mark.parametrize("patch", sorted(PATCHES.glob("*.patch")), ids=lambda patch: patch.stem)
def test_every_break_says_what_it_breaks_and_who_catches_it(patch: Path) -> None:
    mutant = Mutant.read(patch)

    assert patch.read_text().partition("\n")[0].endswith(".")
    assert mutant.tests
    for test in mutant.tests:
        path, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text()


def test_only_what_an_assertion_notices_is_caught(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    breaks = {
        "caught": PATCH.format(12, "timedelta(hours=1)"),
        "elsewhere": PATCH.format(13, "timedelta(hours=1)"),
        "harmless": PATCH.format(12, "timedelta(minutes=720)"),
        "not-importable": PATCH.format(12, "nothing_of_that_name"),
    }
    for name, text in breaks.items():
        (tmp_path / f"{name}.patch").write_text(text)

    code = main([], tmp_path)

    caught, elsewhere, harmless, broken, total = capsys.readouterr().out.splitlines()
    assert code == 1
    assert "  caught  " in caught
    assert "NOT CAUGHT: the patch does not apply any more" in elsewhere
    assert f"NOT CAUGHT: {TEST} did not fail" in harmless
    assert f"NOT CAUGHT: {TEST} did not fail" in broken
    assert total == "4 breaks, 1 caught, 3 not"


def test_a_test_that_fails_without_any_break_catches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = PATCH.format(12, 1).replace("twelve", "thirteen")
    (tmp_path / "a.patch").write_text(unknown)

    code = main([], tmp_path)

    assert code == 1
    assert "these do not pass without any break" in capsys.readouterr().out
