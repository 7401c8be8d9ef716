"""The handler of the rotation function, by its former name."""

from keyturn.functions.rotation import handler

__all__ = ["handler"]
