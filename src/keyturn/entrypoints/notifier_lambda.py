"""The handler of the notifier function, by its former name."""

from keyturn.functions.notifier import handler

__all__ = ["handler"]
