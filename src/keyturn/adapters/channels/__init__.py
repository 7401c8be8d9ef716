"""The channels that reach people, a file each; `wiring.py` chooses them by name."""
