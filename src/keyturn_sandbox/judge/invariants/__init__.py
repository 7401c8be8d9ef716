"""A function for each invariant of the lifecycle; `verdict.INVARIANTS` has them in their order."""

Fact = str | None
"""What was found of one thing that was looked at: None if all is well, else a sentence."""
