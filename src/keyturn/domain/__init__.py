"""What is right: the facts, the policy and the rule. Standard library only; no clock, no I/O."""
