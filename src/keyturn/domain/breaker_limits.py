"""
From when on no further rotation is begun: the defaults of the command line and of the alarms.

By themselves, for the command line's help names them and loads nothing of a run.
"""

from typing import Final

MOST_FAILED: Final = 50
"""Percent of a day's rotations: FailedPercentToPause of the alarms' template."""
LEAST_ROTATIONS: Final = 10
"""So many have to be tried before their share says anything: RotationsToPause."""
