"""What Keyturn relies on, tried on ministack, as it is and mended; IAM is enforced."""

from pathlib import Path

import pytest

from tests.rehearsal.probes import fidelity
from tests.rehearsal.probes.mends import MENDED, MINISTACK


@pytest.mark.parametrize("column", [MINISTACK, MENDED])
def test_ministack_is_as_true_to_aws_as_the_page_says(column: str, tmp_path: Path) -> None:
    seen = fidelity.on_ministack(tmp_path, mended=column == MENDED)

    told = fidelity.recorded()[column]
    assert fidelity.verdicts_of(seen.values()) == told, [
        f"{each.name}: {each.verdict}: {each.said}"
        for each in seen.values()
        if told.get(each.name) is not each.verdict
    ]
