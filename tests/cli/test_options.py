"""Every option that stands for a parameter reaches that parameter."""

from dataclasses import fields

import pytest

from keyturn.cli.options import (
    PARAMETERS,
    AccountOptions,
    DeployAccounts,
    Deploying,
    DeployOptions,
    Rules,
    Switching,
    Telling,
    given,
)
from keyturn.settings import PARAMETERS as SETTINGS

GROUPS = (AccountOptions, Rules, Telling, Switching, DeployAccounts, DeployOptions, Deploying)
OPTIONS = {each.name for group in GROUPS for each in fields(group)}


@pytest.mark.parametrize("option", PARAMETERS)
def test_an_option_of_that_name_exists_and_its_parameter_too(option: str) -> None:
    assert option in OPTIONS
    assert PARAMETERS[option] in {*SETTINGS.values(), "OrgListRole"}


@pytest.mark.parametrize("option", sorted(PARAMETERS.keys() & {f.name for f in fields(Rules)}))
def test_what_is_given_for_a_period_or_a_limit_reaches_its_parameter(option: str) -> None:
    before = Rules()
    value: object = ["90"] if isinstance(getattr(before, option), list) else 7
    object.__setattr__(before, option, value)

    assert given(before)[PARAMETERS[option]] == ("90" if isinstance(value, list) else 7)
