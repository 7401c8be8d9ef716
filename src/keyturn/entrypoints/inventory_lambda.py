"""The handler of the inventory function, by its former name."""

from keyturn.functions.inventory import handler

__all__ = ["handler"]
