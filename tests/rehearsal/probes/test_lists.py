"""What stands in docs/relies-on.md and docs/fidelity.md is what the probes say."""

import re
from collections.abc import Mapping

import pytest

from keyturn.rehearsal.model.own import RehearsalId, id_in_name
from keyturn.rehearsal.model.verdict import Verdict
from keyturn.rehearsal.probes.catalogue import PROBES, UNPROBED
from keyturn.rehearsal.probes.probe import Probe, Unprobed
from tests.rehearsal.probes import fidelity, relies_on
from tests.rehearsal.probes.fidelity import COLUMNS
from tests.rehearsal.probes.mends import MENDED, MENDS, MINISTACK, MOTO, SANDBOX

each_reliance = pytest.mark.parametrize(
    "reliance", [*PROBES, *UNPROBED], ids=lambda each: each.name
)
EMULATOR = relies_on.ROOT / "src" / "keyturn_sandbox" / "emulator"
WRAP = re.compile(r"`((?:tests/e2e/)?\w+\.py)`")


# --- what Keyturn relies on


def test_the_page_lists_what_the_probes_say() -> None:
    text = relies_on.PAGE.read_text(encoding="utf-8")

    assert relies_on.page(text) == text, "python -m tests.rehearsal.probes.relies_on"


def test_every_probe_is_in_a_chapter_and_in_the_catalogue() -> None:
    modules = [module for _, module in relies_on.CHAPTERS]

    assert [each for module in modules for each in module.PROBES] == list(PROBES)
    assert [each for module in modules for each in module.UNPROBED] == list(UNPROBED)


def test_no_two_have_one_name() -> None:
    names = [each.name for each in (*PROBES, *UNPROBED)]

    assert len(set(names)) == len(names)


@each_reliance
def test_a_line_has_its_source_at_aws_and_names_what_is_there(
    reliance: Probe | Unprobed,
) -> None:
    assert re.fullmatch(r"https://docs\.aws\.amazon\.com/\S+\.html(#\S+)?", reliance.source)
    assert reliance.rests_on_it
    for name in reliance.rests_on_it:
        assert relies_on.place_of(name).is_file(), name
    assert re.fullmatch(r"[a-z0-9-]{1,30}", reliance.name)


# --- how true the emulators are


@pytest.fixture(scope="module")
def verdicts() -> Mapping[str, Mapping[str, Verdict]]:
    return {
        **fidelity.recorded(),
        MOTO: fidelity.verdicts_of(fidelity.on_moto().values()),
        SANDBOX: fidelity.verdicts_of(fidelity.on_sandbox().values()),
    }


def test_the_page_says_what_was_just_seen(
    verdicts: Mapping[str, Mapping[str, Verdict]],
) -> None:
    text = fidelity.PAGE.read_text(encoding="utf-8")

    assert fidelity.page(text, verdicts) == text, "python -m tests.rehearsal.probes.fidelity"


@pytest.mark.parametrize("column", COLUMNS)
def test_each_difference_names_what_mends_it_or_means(
    column: str, verdicts: Mapping[str, Mapping[str, Verdict]]
) -> None:
    differs = {
        name for name, found in verdicts[column].items() if found is not Verdict.AS_EXPECTED
    }

    assert differs == {name for where, name in MENDS if where == column}


@pytest.mark.parametrize(("bare", "mended"), [(MOTO, SANDBOX), (MINISTACK, MENDED)])
def test_what_is_said_to_be_mended_is_mended(
    bare: str, mended: str, verdicts: Mapping[str, Mapping[str, Verdict]]
) -> None:
    for (where, name), text in MENDS.items():
        wrap = WRAP.match(text)
        if where == bare and wrap:
            assert (relies_on.ROOT / wrap[1]).is_file() or (EMULATOR / wrap[1]).is_file(), text
            assert verdicts[mended][name] is Verdict.AS_EXPECTED, (name, text)


def test_a_probes_things_have_names_that_the_clean_up_knows() -> None:
    longest = max((each.name for each in PROBES), key=len)

    assert id_in_name(RehearsalId("0a1b2c3d").name(longest)) is not None
