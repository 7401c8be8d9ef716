"""What would let a user stop having keys: each verdict by its evidence, and no further."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from keyturn.domain.key import LastUse
from keyturn.domain.origin import CI_TITLES, NOWHERE, Ci, Origin, Place, Ranges, Whose, origin_of
from keyturn.domain.replacement import (
    INSTEAD,
    STEPS,
    TITLES,
    oidc_trust,
    policies_of,
    roles_anywhere_trust,
)
from keyturn.domain.way_out import (
    EFFORT,
    Advice,
    Calls,
    KeyKnown,
    Kind,
    Source,
    Sureness,
    UserKnown,
    advise,
    rank,
)

TODAY = date(2026, 5, 20)
ACCOUNT = "222222222222"
NEVER = LastUse(at=None)
KEY = f"AKIA{40:016d}"


def used(days_ago: int, service: str = "s3") -> LastUse:
    at = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC) - timedelta(days=days_ago)
    return LastUse(at=at, service=service, region="eu-west-1")


def key(
    last_use: LastUse | None = None,
    *,
    age: int = 40,
    active: bool = True,
    read_on: date | None = TODAY,
) -> KeyKnown:
    return KeyKnown(
        key_id=f"AKIA{age:016d}",
        age=age,
        is_active=active,
        last_use=last_use,
        read_on=read_on if last_use else None,
    )


def user(*keys: KeyKnown, name: str = "ann", **known: Any) -> UserKnown:  # noqa: ANN401 -- fields
    return UserKnown(account=ACCOUNT, user=name, on=TODAY, keys=keys, **known)


def of(found: UserKnown) -> Advice:
    advice = advise(found)
    assert advice is not None
    return advice


def calls(*origins: Origin, whole: bool = True) -> dict[str, Any]:
    counted = tuple(Calls(origin=each, number=3) for each in origins)
    return {"calls": counted, "are_calls_whole": whole}


GITHUB = Origin(Place.CI, "user agent of GitHub Actions", Ci.GITHUB)
LAMBDA = Origin(Place.IN_AWS, "user agent of AWS Lambda")
LAPTOP = Origin(Place.PERSON, "AWS CLI on macOS")
OUTSIDE = Origin(Place.OUTSIDE, "address not in AWS's list")
SIGNED_IN = TODAY - timedelta(days=3)


@pytest.mark.parametrize(
    ("known", "kind", "sureness"),
    [
        # By IAM's own record, of today.
        (user(key(NEVER)), Kind.NEVER_USED, Sureness.PROVED),
        (user(key(NEVER, age=30)), Kind.NEVER_USED, Sureness.PROVED),
        (user(key(NEVER, age=29)), Kind.NOT_KNOWN, Sureness.UNKNOWN),
        (user(key(used(91))), Kind.UNUSED, Sureness.PROVED),
        (user(key(used(90))), Kind.NOT_KNOWN, Sureness.UNKNOWN),
        (user(key(NEVER), key(used(200), age=400)), Kind.UNUSED, Sureness.PROVED),
        (user(key(used(1), active=False)), Kind.INACTIVE, Sureness.PROVED),
        (user(key(NEVER), key(used(1), age=99, active=False)), Kind.NEVER_USED, Sureness.PROVED),
        (user(key(NEVER), password_used=SIGNED_IN), Kind.CONSOLE_ONLY, Sureness.PROVED),
        (user(key(NEVER), password_used=date(2025, 1, 1)), Kind.NEVER_USED, Sureness.PROVED),
        # Unknown is not never: nor is what was read on another day, or of the other key alone.
        (user(key(None)), Kind.NOT_KNOWN, Sureness.UNKNOWN),
        (user(key(NEVER), key(None, age=90)), Kind.NOT_KNOWN, Sureness.UNKNOWN),
        (user(key(NEVER, read_on=TODAY - timedelta(days=1))), Kind.NOT_KNOWN, Sureness.UNKNOWN),
        (user(key(None), password_used=SIGNED_IN), Kind.PERSON, Sureness.POSSIBLE),
        # CloudTrail.
        (user(key(used(1)), **calls(GITHUB)), Kind.CI, Sureness.LIKELY),
        (user(key(used(1)), **calls(GITHUB, NOWHERE)), Kind.CI, Sureness.LIKELY),
        (user(key(used(1)), **calls(GITHUB, OUTSIDE)), Kind.CI, Sureness.LIKELY),
        (user(key(used(1)), **calls(GITHUB, whole=False)), Kind.CI, Sureness.POSSIBLE),
        (user(key(used(1)), **calls(GITHUB, LAPTOP)), Kind.SEVERAL, Sureness.LIKELY),
        (user(key(used(1)), **calls(GITHUB, LAMBDA)), Kind.SEVERAL, Sureness.LIKELY),
        (user(key(used(1)), **calls(LAMBDA)), Kind.IN_AWS, Sureness.LIKELY),
        (user(key(used(1)), **calls(LAMBDA, NOWHERE)), Kind.IN_AWS, Sureness.POSSIBLE),
        (user(key(used(1)), **calls(LAMBDA, OUTSIDE)), Kind.SEVERAL, Sureness.LIKELY),
        (user(key(used(1)), **calls(OUTSIDE)), Kind.ELSEWHERE, Sureness.LIKELY),
        (user(key(used(1)), **calls(LAPTOP)), Kind.PERSON, Sureness.POSSIBLE),
        (
            user(key(used(1)), password_used=SIGNED_IN, **calls(LAPTOP)),
            Kind.PERSON,
            Sureness.LIKELY,
        ),
        (user(key(used(1)), **calls(NOWHERE)), Kind.NOT_KNOWN, Sureness.UNKNOWN),
        (user(key(NEVER), **calls(LAMBDA)), Kind.IN_AWS, Sureness.LIKELY),
        # Mail.
        (user(key(used(1, "ses"))), Kind.SES_SMTP, Sureness.POSSIBLE),
        (user(key(used(1, "ses")), is_smtp=True), Kind.SES_SMTP, Sureness.LIKELY),
        (user(key(used(1, "ses")), key(used(2), age=9)), Kind.NOT_KNOWN, Sureness.UNKNOWN),
        # Hints never say more than "possible".
        (user(key(None), name="github-deploy"), Kind.CI, Sureness.POSSIBLE),
        (user(key(None), path="/robots/gitlab/"), Kind.CI, Sureness.POSSIBLE),
        (user(key(None), tags={"ci": "CircleCI"}), Kind.CI, Sureness.POSSIBLE),
        (user(key(None), owner="bitbucket@example.com"), Kind.CI, Sureness.POSSIBLE),
        (user(key(None), name="ann@example.com"), Kind.PERSON, Sureness.POSSIBLE),
        (user(key(None), name="etl-lambda"), Kind.IN_AWS, Sureness.POSSIBLE),
        (user(key(None), name="cicero"), Kind.NOT_KNOWN, Sureness.UNKNOWN),
    ],
)
def test_a_verdict_goes_as_far_as_its_evidence(
    known: UserKnown, kind: Kind, sureness: Sureness
) -> None:
    found = of(known)

    assert (found.kind, found.sureness) == (kind, sureness)
    assert found.evidence


def test_a_user_without_keys_needs_no_advice() -> None:
    assert advise(user()) is None


def test_an_unknown_last_use_is_never_called_never_used() -> None:
    found = of(user(key(NEVER), key(None, age=90), password_used=SIGNED_IN, name="github"))

    assert found.kind not in {Kind.NEVER_USED, Kind.UNUSED, Kind.CONSOLE_ONLY}
    assert of(user(key(None))).evidence[0].says == "the last use of 1 Active key is not known"


AWS = Ranges(Whose.AWS, frozenset({ip_network("8.8.8.0/24")}))
ACTIONS = Ranges(Whose.GITHUB, frozenset({ip_network("9.9.9.0/24")}))
BITBUCKET = Ranges(Whose.BITBUCKET, frozenset({ip_network("8.8.8.128/25")}))
BOTO = "Boto3/1.34 md/Botocore#1.34 os/linux#5.10"


@pytest.mark.parametrize(
    ("address", "agent", "place"),
    [
        ("8.8.4.4", "configure-aws-credentials-for-github-actions", Place.CI),
        ("8.8.8.8", f"{BOTO} exec-env/AWS_Lambda_python3.12", Place.IN_AWS),
        ("8.8.4.4", f"{BOTO} exec-env/AWS_Lambda_python3.12", Place.OUTSIDE),
        ("10.0.0.7", f"{BOTO} exec-env/AWS_ECS_FARGATE", Place.IN_AWS),
        ("8.8.8.8", BOTO, Place.IN_AWS),
        ("8.8.8.200", BOTO, Place.CI),
        ("9.9.9.9", BOTO, Place.CI),
        ("8.8.4.4", BOTO, Place.OUTSIDE),
        ("10.0.0.7", BOTO, Place.NOT_KNOWN),
        ("no address", BOTO, Place.NOT_KNOWN),
        ("8.8.4.4", "aws-cli/2.15.0 Python/3.11.6 Darwin/23.1.0 exe/x86_64", Place.PERSON),
        ("8.8.4.4", "aws-cli/2.15.0 Python/3.11.6 Windows/10 exe/AMD64", Place.PERSON),
        ("8.8.4.4", "aws-cli/2.15.0 Python/3.11.6 Linux/6.1 exe/x86_64", Place.OUTSIDE),
        ("cloudformation.amazonaws.com", "cloudformation.amazonaws.com", None),
    ],
)
def test_an_address_outweighs_what_the_caller_says(
    address: str, agent: str, place: Place | None
) -> None:
    found = origin_of(address, agent, (AWS, ACTIONS, BITBUCKET))

    assert (found.place if found else None) == place


def test_without_a_list_no_address_is_called_outside_of_aws() -> None:
    assert origin_of("8.8.4.4", BOTO) == NOWHERE
    assert origin_of("8.8.4.4", BOTO, (ACTIONS,)) == NOWHERE


@pytest.mark.parametrize("system", list(Ci))
def test_a_trust_policy_lets_nobody_in_before_it_is_filled_in(system: Ci) -> None:
    hostile = 'x/*"}],{'
    found = of(user(key(None), name="github-deploy", tags={"repo": hostile}, owner=hostile))
    [policy] = policies_of(replace(found, ci=system)).values()

    [statement] = policy["Statement"]
    condition = {
        name.rpartition(":")[2]: value
        for operator in statement["Condition"].values()
        for name, value in operator.items()
    }
    assert condition.keys() == {"aud", "sub"}
    assert statement["Effect"] == "Allow"
    assert statement["Principal"].keys() == {"Federated"}
    assert "*" not in condition["aud"]
    # Whose job it is stands before any *, and is still to be filled in.
    fixed = condition["sub"].partition("*")[0]
    assert len(re.findall(r"<[a-z-]+>", fixed)) >= 1
    assert re.search(r"(repository|project|pipeline|service-connection)[a-z-]*>", fixed)
    assert hostile not in json.dumps(policy)
    operator = "StringLike" if "*" in condition["sub"] else "StringEquals"
    assert any(name.endswith(":sub") for name in statement["Condition"][operator])


def test_a_role_of_roles_anywhere_is_for_one_anchor_and_one_certificate() -> None:
    [policy] = policies_of(of(user(key(used(1)), **calls(OUTSIDE)))).values()

    assert policy["Statement"][0]["Condition"] == {
        "StringEquals": {"aws:PrincipalTag/x509Subject/CN": "<common-name>"},
        "ArnEquals": {
            "aws:SourceArn": (
                f"arn:aws:rolesanywhere:<region>:{ACCOUNT}:trust-anchor/<trust-anchor-id>"
            )
        },
    }


def test_a_role_is_for_the_service_that_was_seen() -> None:
    seen = of(user(key(used(1)), **calls(LAMBDA)))
    hinted = of(user(key(None), name="etl-lambda"))

    assert list(policies_of(seen)) == ["AWS Lambda"]
    assert list(policies_of(hinted)) == ["Amazon EC2", "AWS Lambda", "Amazon ECS"]


def test_what_ends_most_keys_for_the_least_effort_comes_first_and_the_unknown_last() -> None:
    advices = [
        of(user(key(None), key(None, age=900), name="unknown")),
        of(user(key(used(1)), name="ci", **calls(GITHUB))),
        of(user(key(None), name="github-hint")),
        of(user(key(NEVER), name="idle")),
        of(user(key(NEVER), key(NEVER, age=500), name="idle-two")),
        of(user(key(NEVER, age=300), name="idle-old")),
    ]

    order = [each.user.user for each in sorted(advices, key=rank)]

    assert order == ["idle-two", "idle-old", "idle", "ci", "github-hint", "unknown"]


def test_each_kind_has_its_title_its_replacement_its_steps_and_its_effort() -> None:
    assert set(TITLES) == set(INSTEAD) == set(STEPS) == set(EFFORT) == set(Kind)
    assert all(STEPS.values())


def test_evidence_names_what_it_was_read_in() -> None:
    found = of(user(key(used(2)), path="/gitlab/"))

    assert [(each.source, each.says) for each in found.evidence] == [
        (Source.PATH, 'the word for GitLab CI is in "/gitlab/"'),
        (
            Source.LAST_USE,
            f"{KEY} was last used on 2026-05-18 for s3 in eu-west-1, read on 2026-05-20",
        ),
    ]


def test_the_manual_has_each_kind_and_each_trust_policy() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "advise.md").read_text(encoding="utf-8")

    assert all(f"| `{kind}` |" in manual for kind in Kind)
    assert all(f"`{each}`" in manual for each in Sureness)
    for system in Ci:
        statement = oidc_trust(system, "<account>")["Statement"][0]
        provider = statement["Principal"]["Federated"].partition("oidc-provider/")[2]
        found = {
            name.rpartition(":")[2]: value
            for operator in statement["Condition"].values()
            for name, value in operator.items()
        }
        row = f"| `{provider}` | `{found['aud']}` | `{found['sub']}` |"
        assert f"| {CI_TITLES[system]} {row}" in manual
    for policy in (oidc_trust(Ci.GITHUB, "<account>"), roles_anywhere_trust("<account>")):
        blocks = re.findall(r"```json\n(.*?)```", manual, re.DOTALL)
        assert policy in [json.loads(each) for each in blocks]
