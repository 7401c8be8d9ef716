"""
A day of ten thousand accounts, simulated, into docs/scale.md: `make scale`.

It also lets a day of 500 pass through the local queue and says how far the simulation is from it.
CALIBRATE=1 measures single accounts first. Times are printed, never asserted.
"""

import json
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from os import environ

from tests.bench.process import ROOT
from tests.scale.calibrate import calibrated, kept
from tests.scale.calibration import FILE, read
from tests.scale.pages import plot, printed, put_into, section, simulated
from tests.scale.real import COMPARED, compared

PAGE, PLOT = ROOT / "docs" / "scale.md", ROOT / "docs" / "scale.svg"


def main() -> None:
    """Measure, simulate, compare, and write it down."""
    if environ.get("CALIBRATE") == "1":
        command = ["git", "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        FILE.write_text(kept(calibrated(today, commit.stdout.strip())))
    calibration = read(FILE.read_text())
    usual, of_first = simulated(calibration)
    print(f"an ordinary day\n{printed([*usual.values()])}")  # noqa: T201 -- it says so
    print(f"the first day\n{printed([*of_first.values()])}", flush=True)  # noqa: T201 -- as above
    found = compared(calibration)
    print(  # noqa: T201 -- as above
        f"{found.accounts} accounts through the queue: measured {found.measured:.1f} s, "
        f"simulated {found.simulated:.1f} s, {found.difference:+.1%}"
    )
    COMPARED.write_text(json.dumps(asdict(found), indent=1) + "\n")
    PAGE.write_text(put_into(PAGE.read_text(), section(calibration, asdict(found))))
    PLOT.write_text(plot(usual, of_first))


if __name__ == "__main__":
    main()
