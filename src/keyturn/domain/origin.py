"""
Where a call came from: in AWS, on a CI system, on a person's computer, or on another machine.

The address is AWS's own word. The user agent is the caller's: who holds the key can write anything
there, so it never proves, and it yields to an address that says otherwise.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Network = IPv4Network | IPv6Network


class Place(StrEnum):
    """The kinds of places that keys are used in."""

    IN_AWS = "in-aws"
    CI = "ci"
    PERSON = "person"
    OUTSIDE = "outside"
    """On a machine that is not in AWS."""
    NOT_KNOWN = "not-known"


class Ci(StrEnum):
    """The CI systems that can do without a key, as their tokens are taken by IAM."""

    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    CIRCLECI = "circleci"
    AZURE_DEVOPS = "azure-devops"
    TERRAFORM_CLOUD = "terraform-cloud"
    BUILDKITE = "buildkite"


CI_TITLES: Final = {
    Ci.GITHUB: "GitHub Actions",
    Ci.GITLAB: "GitLab CI",
    Ci.BITBUCKET: "Bitbucket Pipelines",
    Ci.CIRCLECI: "CircleCI",
    Ci.AZURE_DEVOPS: "Azure DevOps",
    Ci.TERRAFORM_CLOUD: "HCP Terraform",
    Ci.BUILDKITE: "Buildkite",
}


class Whose(StrEnum):
    """Who publishes a list of addresses."""

    AWS = "aws"
    GITHUB = "github"
    BITBUCKET = "bitbucket"


@dataclass(frozen=True, slots=True)
class Ranges:
    """Addresses that somebody says are theirs."""

    whose: Whose
    networks: frozenset[Network]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call came from, as far as it shows; why: what shows it."""

    place: Place
    why: str = ""
    ci: Ci | None = None


NOWHERE: Final = Origin(Place.NOT_KNOWN)
_CI_AGENTS: Final = {
    "configure-aws-credentials-for-github-actions": Ci.GITHUB,
}
_IN_AWS_AGENTS: Final = {
    "exec-env/aws_lambda_": "AWS Lambda",
    "exec-env/aws_ecs_": "Amazon ECS",
}
"""What AWS's SDKs add of themselves where AWS_EXECUTION_ENV is set."""
_PERSON_AGENTS: Final = {
    "darwin/": "macOS",
    "os/macos": "macOS",
    "windows/": "Windows",
    "os/windows": "Windows",
    "exec-env/cloudshell": "AWS CloudShell",
}


def origin_of(address: str, agent: str, ranges: Iterable[Ranges] = ()) -> Origin | None:
    """
    Where a call came from; None: it was made by a service of AWS in the user's place.

    Such a call comes after one of the user's own, wherever that was made: it says nothing.
    """
    if address.endswith(".amazonaws.com") or address == "AWS Internal":
        return None
    known = tuple(ranges)
    of_address = _by_address(address, known)
    of_agent = _by_agent(agent)
    if of_agent.place is Place.NOT_KNOWN:
        return of_address
    if of_agent.place is Place.IN_AWS and of_address.place in {Place.OUTSIDE, Place.CI}:
        return of_address
    return of_agent


def _by_agent(agent: str) -> Origin:
    said = agent.lower()
    for mark, ci in _CI_AGENTS.items():
        if mark in said:
            return Origin(Place.CI, f"user agent of {CI_TITLES[ci]}", ci)
    for mark, where in _IN_AWS_AGENTS.items():
        if mark in said:
            return Origin(Place.IN_AWS, f"user agent of {where}")
    for mark, where in _PERSON_AGENTS.items():
        if mark in said and said.startswith(("aws-cli/", "aws-toolkit", "[aws-cli/")):
            return Origin(Place.PERSON, f"AWS CLI on {where}")
    return NOWHERE


def _by_address(address: str, ranges: tuple[Ranges, ...]) -> Origin:
    found = _read(address)
    if found is None or not found.is_global:
        # A private one comes through a VPC endpoint: from a VPC, or from a network joined to it.
        return NOWHERE
    holders = {each.whose for each in ranges if any(found in net for net in each.networks)}
    if Whose.GITHUB in holders:
        return Origin(Place.CI, "address in GitHub's list for Actions", Ci.GITHUB)
    # Before AWS's, for its runners are there.
    if Whose.BITBUCKET in holders:
        return Origin(Place.CI, "address in Atlassian's list for Bitbucket", Ci.BITBUCKET)
    if Whose.AWS in holders:
        return Origin(Place.IN_AWS, "address in AWS's list")
    if any(each.whose is Whose.AWS for each in ranges):
        return Origin(Place.OUTSIDE, "address not in AWS's list")
    return NOWHERE


def _read(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
