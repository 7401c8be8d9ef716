"""The templates, read once, and what CloudFormation would make of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "CloudFormation"
CORE = "ASA-iam-key-auto-rotation-and-notifier-solution.yaml"
MEMBER = "ASA-iam-key-auto-rotation-iam-assumed-roles.yaml"
LIST = "ASA-iam-key-auto-rotation-list-accounts-role.yaml"
ENDPOINTS = "ASA-iam-key-auto-rotation-vpc-endpoints.yaml"
ALARMS = "ASA-iam-key-auto-rotation-alarms.yaml"
MAIL_EVENTS = "ASA-iam-key-auto-rotation-mail-events.yaml"
CHANNELS = "ASA-iam-key-auto-rotation-channels.yaml"
REPORTS = "ASA-iam-key-auto-rotation-reports.yaml"
TEMPLATES = (CORE, MEMBER, LIST, ENDPOINTS, ALARMS, MAIL_EVENTS, CHANNELS, REPORTS)

SECURITY, MANAGEMENT, MEMBERS = "222222222222", "111111111111", "333333333333"
ORGANISATION = "o-a1b2c3d4e5"
# What operators give, and no more: everything else has a default.
GIVEN: Mapping[str, Mapping[str, str]] = {
    CORE: {
        "S3BucketName": "a-bucket",
        "S3BucketPrefix": "asa/asa-iam-rotation",
        "AdminEmailAddress": "security-ops@example.com",
        "AWSOrgID": ORGANISATION,
        "OrgListAccount": MANAGEMENT,
        "DryRunFlag": "True",
        "RotationPeriod": "90",
        "InactivePeriod": "100",
    },
    MEMBER: {"PrimaryAccountID": SECURITY, "AWSOrgID": ORGANISATION},
    LIST: {"PrimaryAccountID": SECURITY, "AWSOrgID": ORGANISATION},
    ENDPOINTS: {
        "VpcId": "vpc-0123456789abcdef0",
        "VpcCidr": "10.0.0.0/16",
        "SubnetId": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    },
    ALARMS: {},
    MAIL_EVENTS: {"ConfigurationSet": "asa-iam-key-rotation"},
    CHANNELS: {
        "S3BucketName": "a-bucket",
        "S3BucketPrefix": "asa/asa-iam-rotation",
        "AdminEmailAddress": "security-ops@example.com",
    },
    REPORTS: {"S3BucketName": "a-bucket", "S3BucketPrefix": "asa/asa-iam-rotation"},
}
ACCOUNT = {
    CORE: SECURITY,
    MEMBER: MEMBERS,
    LIST: MANAGEMENT,
    ENDPOINTS: SECURITY,
    ALARMS: SECURITY,
    MAIL_EVENTS: SECURITY,
    CHANNELS: SECURITY,
    REPORTS: SECURITY,
}
IN_A_VPC = {
    "RunLambdaInVPC": "True",
    "VpcId": "vpc-0123456789abcdef0",
    "VpcCidr": "10.0.0.0/16",
    "SubnetId": "subnet-0123456789abcdef0",
}

_NOTHING = object()
_VARIABLE = re.compile(r"\$\{([^!}]+)}")


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short functions; importing cfn-lint for it takes seconds."""


def _long(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    match node:
        case yaml.ScalarNode():
            value: Any = loader.construct_scalar(node)
            if tag == "GetAtt":
                value = value.split(".", 1)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case _:
            raise AssertionError(tag)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _long)


@cache
def template(name: str) -> Mapping[str, Any]:
    """A template, its functions in their long form."""
    read: Mapping[str, Any] = yaml.load((FOLDER / name).read_text(), _Loader)  # noqa: S506 -- a safe one
    return read


def resources(name: str, kind: str) -> dict[str, Any]:
    """The resources of a type, by their logical names."""
    return {
        logical: each
        for logical, each in template(name)["Resources"].items()
        if each["Type"] == kind
    }


def strings(value: object) -> Iterator[str]:
    """Every string in a template or a part of it, names included."""
    match value:
        case str():
            yield value
        case Mapping():
            for name, each in value.items():
                yield name
                yield from strings(each)
        case list():
            for each in value:
                yield from strings(each)


def named_in(value: object) -> set[str]:
    """The parameters, conditions and resources that a part of a template names."""
    found: set[str] = set()
    match value:
        case Mapping():
            for name, each in value.items():
                if name in {"Ref", "Condition"} and isinstance(each, str):
                    found.add(each)
                if name == "Fn::If":
                    found.add(each[0])
                if name == "Fn::GetAtt":
                    found.add(each[0])
                if name == "Fn::Sub":
                    text = each if isinstance(each, str) else each[0]
                    found |= {variable.split(".")[0] for variable in _VARIABLE.findall(text)}
                found |= named_in(each)
        case list():
            for each in value:
                found |= named_in(each)
    return found


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack of one of the templates, as far as it can be told without making it."""

    name: str
    given: Mapping[str, str] = field(default_factory=dict)
    region: str = "us-east-1"
    partition: str = "aws"

    @cached_property
    def parameters(self) -> Mapping[str, object]:
        """Every parameter's value, and the pseudo parameters."""
        given = {**GIVEN[self.name], **self.given}
        declared = template(self.name)["Parameters"]
        assert set(given) <= set(declared), set(given) - set(declared)
        values: dict[str, object] = {}
        for name, rule in declared.items():
            value = str(given[name] if name in given else rule["Default"])
            values[name] = (
                value.split(",") if rule["Type"].startswith(("List<", "Comma")) else value
            )
        suffix = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        return values | {
            "AWS::AccountId": ACCOUNT[self.name],
            "AWS::Region": self.region,
            "AWS::Partition": self.partition,
            "AWS::URLSuffix": suffix,
            "AWS::NoValue": _NOTHING,
        }

    @cached_property
    def resources(self) -> Mapping[str, Any]:
        """What is made, its functions worked out; another resource's ARN is `arn:<logical>`."""
        return {
            logical: self.value(each)
            for logical, each in template(self.name)["Resources"].items()
            if "Condition" not in each or self.holds(each["Condition"])
        }

    def of_type(self, kind: str) -> Mapping[str, Any]:
        """The properties of the resources of a type that are made, by their logical names."""
        return {
            logical: each.get("Properties", {})
            for logical, each in self.resources.items()
            if each["Type"] == kind
        }

    def holds(self, condition: str) -> bool:
        """Whether a condition holds."""
        return self._is(template(self.name).get("Conditions", {})[condition])

    def _is(self, test: Mapping[str, Any]) -> bool:
        [(function, of)] = test.items()
        match function:
            case "Condition":
                return self.holds(of)
            case "Fn::Equals":
                left, right = map(self.value, of)
                return bool(left == right)
            case "Fn::Not":
                return not self._is(of[0])
            case "Fn::And":
                return all(map(self._is, of))
            case "Fn::Or":
                return any(map(self._is, of))
        raise AssertionError(function)

    def value(self, part: Any) -> Any:  # noqa: ANN401 -- any part of a template
        """Work out a part of the template."""
        if isinstance(part, list):
            return [value for value in map(self.value, part) if value is not _NOTHING]
        if not isinstance(part, Mapping):
            return part
        if len(part) == 1:
            [(function, of)] = part.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self._call(function, of)
        return {
            name: value
            for name, each in part.items()
            if (value := self.value(each)) is not _NOTHING
        }

    def _call(self, function: str, of: Any) -> Any:  # noqa: ANN401, PLR0911 -- as above; one a function
        match function:
            case "Ref":
                return self.parameters.get(of, f"ref:{of}")
            case "Fn::GetAtt":
                return ":".join(("arn" if of[1] == "Arn" else of[1], of[0]))
            case "Fn::If":
                return self.value(of[1] if self.holds(of[0]) else of[2])
            case "Fn::Sub":
                text, local = (of, {}) if isinstance(of, str) else (of[0], self.value(of[1]))
                worked_out = _VARIABLE.sub(lambda found: self._variable(found[1], local), text)
                return worked_out.replace("${!", "${")  # what IAM works out itself
            case "Fn::Split":
                return self.value(of[1]).split(of[0])
            case "Fn::Select":
                return self.value(of[1])[int(of[0])]
            case "Fn::FindInMap":
                top, first, second = map(self.value, of)
                return template(self.name)["Mappings"][top][first][second]
        raise AssertionError(function)

    def _variable(self, name: str, local: Mapping[str, str]) -> str:
        if name in local:
            return local[name]
        if "." in name:
            logical, attribute = name.split(".")
            return str(self._call("Fn::GetAtt", [logical, attribute]))
        return str(self._call("Ref", name))

    def statements(self, role: str) -> list[Mapping[str, Any]]:
        """What a role may do: its own policies, and the managed ones made here."""
        properties = self.of_type("AWS::IAM::Role")[role]
        policies = [each["PolicyDocument"] for each in properties["Policies"]]
        managed = self.of_type("AWS::IAM::ManagedPolicy")
        policies += [
            managed[reference.removeprefix("ref:")]["PolicyDocument"]
            for reference in properties.get("ManagedPolicyArns", [])
        ]
        return [statement for policy in policies for statement in policy["Statement"]]


def listed(value: str | list[str]) -> list[str]:
    """One or many, as a policy may spell them."""
    return [value] if isinstance(value, str) else value


def granted(statements: list[Mapping[str, Any]]) -> set[str]:
    """The actions that statements allow."""
    return {
        action
        for each in statements
        if each["Effect"] == "Allow"
        for action in listed(each["Action"])
    }
