"""A stack of the version before asks for the handlers by their former names."""

from importlib import import_module

import pytest

from tools.package import FORMER, HANDLERS


@pytest.mark.parametrize("function", FORMER)
def test_a_handler_answers_by_its_former_name(function: str) -> None:
    former = import_module(FORMER[function])
    present = import_module(HANDLERS[function])

    assert former.handler is present.handler
