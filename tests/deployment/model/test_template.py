"""The templates, as a deployment reads them: what PyYAML reads, and refused what they refuse."""

import re

import pytest

from keyturn.deployment.model.template import Template, TemplateParameter
from keyturn.domain.errors import InvalidValue
from tests.cloudformation.stacks import CORE, FOLDER, TEMPLATES, Stack, resources, template


def read(name: str) -> Template:
    return Template.read((FOLDER / name).read_text())


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_parameters_are_those_that_a_parser_of_yaml_finds(name: str) -> None:
    declared = template(name)["Parameters"]

    found = read(name).parameters

    assert list(found) == list(declared)
    for parameter, told in declared.items():
        seen = found[parameter]
        assert seen.default == (str(told["Default"]) if "Default" in told else None)
        assert seen.pattern == told.get("AllowedPattern")
        assert seen.allowed == tuple(map(str, told.get("AllowedValues", ())))
        assert seen.least == told.get("MinValue")
        assert seen.most == told.get("MaxValue")
        assert seen.longest == told.get("MaxLength")
        assert seen.rule == told.get("ConstraintDescription", "")
        assert seen.is_number is (told["Type"] == "Number")


def test_the_functions_are_those_that_a_parser_of_yaml_finds() -> None:
    declared = {
        each["Properties"]["FunctionName"]: each["Properties"]
        for each in resources(CORE, "AWS::Lambda::Function").values()
    }

    found = {each.name: each for each in read(CORE).functions}

    assert list(found) == list(declared)
    for name, told in declared.items():
        seen, variables = found[name], told["Environment"]["Variables"]
        assert (seen.runtime, seen.handler) == (told["Runtime"], told["Handler"])
        assert (seen.timeout, seen.memory) == (told["Timeout"], told["MemorySize"])
        assert dict(seen.variables) == {each: of["Ref"] for each, of in variables.items()}
        assert told["ReservedConcurrentExecutions"]["Fn::If"][1] == {"Ref": seen.reserved}
        assert told["Code"]["S3Key"]["Fn::Sub"].endswith(f"/{seen.zip}")


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_is_given_and_every_default_fits(name: str) -> None:
    for parameter in read(name).parameters.values():
        value = Stack(name=name).parameters[parameter.name]
        parameter.check(",".join(value) if isinstance(value, list) else str(value))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DryRunFlag", "yes"),
        ("DryRunFlag", ""),
        ("RotationPeriod", "0"),
        ("RotationPeriod", "ninety"),
        ("RotationPeriod", "36501"),
        ("OrgListAccount", "12345"),
        ("OrgListAccount", "٠١٢٣٤٥٦٧٨٩٠١"),
        ("AdminEmailAddress", "nobody"),
        ("ResourceOwnerTag", "t" * 129),
        ("S3BucketPrefix", "asa/"),
        ("LogRetentionInDays", "31"),
        ("Architecture", "riscv"),
    ],
)
def test_what_the_template_refuses_is_refused_before_anything_is_asked(
    name: str, value: str
) -> None:
    parameter = read(CORE).parameters[name]

    with pytest.raises(InvalidValue, match=rf"^{name}={re.escape(value)}: (must be|is not)"):
        parameter.check(value)


def test_a_parameter_without_rules_takes_anything() -> None:
    TemplateParameter(name="Any").check("whatever")


@pytest.mark.parametrize("text", ["- a list\nof: things\n", "- a list\n", "a word", "", "{"])
def test_of_a_text_that_is_no_template_nothing_is_found(text: str) -> None:
    found = Template.read(text)

    assert found.parameters == {}
    assert found.functions == ()


def test_a_value_is_the_text_that_stands_there_and_no_number_or_truth_of_yamls() -> None:
    found = Template.read(
        "Parameters:\n  A: {Default: 010, AllowedValues: [yes, 1.50]}\n  B:\n    Default: ''\n"
        "  C:\n    AllowedValues:\n      - 2026-03-02\n"
    )

    assert found.parameters["A"].default == "010"
    assert found.parameters["A"].allowed == ("yes", "1.50")
    assert found.parameters["B"].default == ""
    assert found.parameters["C"].allowed == ("2026-03-02",)


def test_a_template_makes_no_objects() -> None:
    found = Template.read(
        "Parameters:\n  A:\n    Default: !!python/object/apply:os.getcwd []\n    MaxLength: 3\n"
    )

    assert found.parameters["A"].longest == 3
    assert not found.parameters["A"].default


def fits(parameter: TemplateParameter, value: str) -> bool:
    try:
        parameter.check(value)
    except InvalidValue:
        return False
    return True


def test_the_longest_the_least_and_the_most_are_taken_and_one_beyond_is_not() -> None:
    longest = TemplateParameter(name="Word", longest=3)
    bounded = TemplateParameter(name="Number", least=2, most=4, is_number=True)
    free = TemplateParameter(name="Number", is_number=True)

    assert [fits(longest, "x" * length) for length in (0, 3, 4)] == [True, True, False]
    assert [fits(bounded, str(number)) for number in (1, 2, 4, 5)] == [False, True, True, False]
    assert [fits(free, text) for text in ("-7", "0", "7.0")] == [True, True, False]


@pytest.mark.parametrize(("longest", "taken"), [(128, True), (129, False)])
def test_a_tag_of_the_owner_is_as_long_as_aws_allows(longest: int, *, taken: bool) -> None:
    assert fits(read(CORE).parameters["ResourceOwnerTag"], "t" * longest) is taken
