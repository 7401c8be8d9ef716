"""The largest account that IAM allows, with all keys due: no invocation has the time for it."""

import sys
from datetime import timedelta

from tests.functions.resumed import day_of, rotations
from tests.use_cases.harness import staged


def largest_account(users: int = 5_000) -> str:
    """Say how many invocations it took, and how long."""
    with staged(short_pages=False, ticks=False) as stage:
        for number in range(users):
            stage.user(f"user-{number:04}", 137)
        found = day_of(stage)
        made = rotations(stage)
        return (
            f"all due, 1 x {users:,}, IAM bears 20 a second: {found.invocations} invocations, "
            f"{found.killed} killed, {found.took / timedelta(minutes=1):.1f} min, least left "
            f"{found.least_left.seconds} s; parts {[len(part) for part in found.parts]}; "
            f"{len(made):,} users rotated, {sum(each > 1 for each in made.values())} twice"
        )


if __name__ == "__main__":
    sys.stdout.write(f"{largest_account()}\n")
