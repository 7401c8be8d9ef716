"""What a command leaves with, where it is not 0: app.py tells operators the same."""

FAILED = 1
BAD_USAGE = 2
DUE = 3
"""Of a plan in which something is due, for whoever asks for it."""
INTERRUPTED = 130
