"""Every option that stands for a parameter reaches that parameter."""

from dataclasses import fields
from typing import cast

import pytest
from typer.core import TyperGroup, TyperOption
from typer.main import get_command
from typer.testing import CliRunner

from keyturn.cli.app import app
from keyturn.cli.deploy_options import DeployAccounts, Deploying, DeployOptions
from keyturn.cli.given import PARAMETER_OF_OPTION, given
from keyturn.cli.options import AccountOptions, NotifyOptions, PauseOptions, SettingOptions
from keyturn.configuration import BY_NAME
from keyturn.domain.parameter import Parameter
from keyturn.settings import PARAMETERS as SETTINGS

GROUPS = (
    AccountOptions,
    SettingOptions,
    NotifyOptions,
    PauseOptions,
    DeployAccounts,
    DeployOptions,
    Deploying,
)
OPTIONS = {each.name for group in GROUPS for each in fields(group)}


@pytest.mark.parametrize("option", PARAMETER_OF_OPTION)
def test_an_option_of_that_name_exists_and_its_parameter_too(option: str) -> None:
    assert option in OPTIONS
    assert PARAMETER_OF_OPTION[option] in {*SETTINGS.values(), "OrgListRole"}


@pytest.mark.parametrize("parameter", BY_NAME.values(), ids=lambda each: each.name)
def test_an_option_says_what_its_parameters_description_says(parameter: Parameter) -> None:
    run = cast("TyperGroup", get_command(app)).commands["run"]
    made = [each for each in run.params if parameter.option in each.opts]

    if parameter.option is None:
        assert (made, parameter.help) == ([], "")
    else:
        (option,) = cast("list[TyperOption]", made)
        assert option.opts == [parameter.option]
        assert option.help == parameter.help_text
        assert "()" not in parameter.help_text  # a default of 0 is one, too
        assert option.metavar == parameter.metavar
        assert option.rich_help_panel == parameter.topic
        assert option.multiple is parameter.repeatable
        assert option.is_flag is isinstance(parameter.default, bool)


@pytest.mark.parametrize(
    "option", sorted(PARAMETER_OF_OPTION.keys() & {f.name for f in fields(SettingOptions)})
)
def test_what_is_given_for_a_period_or_a_limit_reaches_its_parameter(option: str) -> None:
    before = SettingOptions()
    value: object = ["90"] if isinstance(getattr(before, option), list) else 7
    object.__setattr__(before, option, value)

    assert given(before)[PARAMETER_OF_OPTION[option]] == ("90" if isinstance(value, list) else 7)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            "notices preview mails --user ann --user bob",
            "--user bob: was given before as ann, and can be given once",
        ),
        ("plan --region=eu-west-1 --region us-east-1", "--region us-east-1: was given before"),
        ("plan -o a.csv --output b.csv", "b.csv: was given before as a.csv"),
    ],
)
def test_of_two_values_for_an_option_that_takes_one_none_is_chosen(
    command: str, said: str
) -> None:
    result = CliRunner().invoke(app, command.split())

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr


def test_the_same_value_twice_does_no_harm() -> None:
    result = CliRunner().invoke(app, ["version", "--help", "--help"])

    assert result.exit_code == 0
