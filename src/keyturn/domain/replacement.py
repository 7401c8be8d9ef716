"""
What takes the place of a user's keys: in words, as steps, and as the policies to copy.

A policy holds nothing that was read of the user but the account. What is to be filled in stands in
angle brackets, which no name that a token can carry has: as it stands it lets nobody in.
"""

from collections.abc import Mapping
from typing import Any, Final

from keyturn.domain.origin import CI_TITLES, Ci, Origin, Place
from keyturn.domain.way_out import Advice, Kind

TITLES: Final[Mapping[Kind, str]] = {
    Kind.INACTIVE: "Keys Inactive",
    Kind.NEVER_USED: "Never used",
    Kind.UNUSED: "Not used any more",
    Kind.CONSOLE_ONLY: "Console only",
    Kind.CI: "CI system",
    Kind.IN_AWS: "Program in AWS",
    Kind.PERSON: "Person",
    Kind.SES_SMTP: "Mail by SES",
    Kind.ELSEWHERE: "Program outside AWS",
    Kind.SEVERAL: "Used in several ways",
    Kind.NOT_KNOWN: "Not known",
}
INSTEAD: Final[Mapping[Kind, str]] = {
    Kind.INACTIVE: "nothing: delete the keys, then the user",
    Kind.NEVER_USED: "nothing: disable the keys, wait, delete them",
    Kind.UNUSED: "nothing: disable the keys, wait, delete them",
    Kind.CONSOLE_ONLY: "nothing for the keys; IAM Identity Center for the console",
    Kind.CI: "a role by OIDC",
    Kind.IN_AWS: "an IAM role of the service",
    Kind.PERSON: "IAM Identity Center",
    Kind.SES_SMTP: "a role and SES's API",
    Kind.ELSEWHERE: "IAM Roles Anywhere",
    Kind.SEVERAL: "a way of its own for each use",
    Kind.NOT_KNOWN: "find out with keyturn trace KEY",
}
_MOVE: Final = (
    "Give the role only what the user needs: IAM's last-accessed information shows it.",
    "Switch over, and wait until IAM shows no new use of the keys.",
    "Disable the keys, wait 30 days, then delete them and the user.",
)
STEPS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.INACTIVE: (
        "Ask the owner whether the user is needed for anything but keys.",
        "Delete the keys, then the user. Keyturn deletes keys that it disabled at their date.",
    ),
    Kind.NEVER_USED: (
        "Ask the owner, for IAM cannot see a use that is still to come.",
        "Disable the keys, wait 30 days, then delete them and the user.",
    ),
    Kind.UNUSED: (
        "Ask the owner about what runs once a year: IAM keeps the last use alone.",
        "Disable the keys, wait 30 days, then delete them and the user.",
    ),
    Kind.CONSOLE_ONLY: (
        "Disable the keys, wait 30 days, then delete them.",
        "Give the person access by IAM Identity Center, then delete the user.",
    ),
    Kind.CI: (
        "Make the OIDC provider of the CI system in the account, once.",
        "Make a role with the trust policy below; fill in what stands in angle brackets.",
        *_MOVE,
    ),
    Kind.IN_AWS: (
        "Make a role with the trust policy of the service that runs the program.",
        "Attach it: an instance profile, a task's or function's role, a service account of EKS.",
        "Take the key out of the program: AWS's SDKs find the role by themselves.",
        *_MOVE,
    ),
    Kind.PERSON: (
        "Give the person a permission set in IAM Identity Center.",
        "On their computer: aws configure sso, then aws sso login.",
        "Disable the keys, wait 30 days, then delete them and the user.",
    ),
    Kind.SES_SMTP: (
        "SMTP takes only passwords made of an IAM user's key: change to SES's API where you can.",
        "In AWS: call SendEmail of SES's API v2 with the program's role.",
        "Elsewhere: a mail relay of yours that calls SES's API, with IAM Roles Anywhere.",
        "Where SMTP has to stay: SmtpUsers has the new password delivered at each rotation.",
    ),
    Kind.ELSEWHERE: (
        "Make a trust anchor of your certificate authority in IAM Roles Anywhere, and a profile.",
        "Make a role with the trust policy below; fill in what stands in angle brackets.",
        "On the machine: credential_process with aws_signing_helper and its certificate.",
        *_MOVE,
    ),
    Kind.SEVERAL: (
        "Give each use its own replacement, as the evidence names them.",
        "Then disable the keys, wait 30 days, and delete them and the user.",
    ),
    Kind.NOT_KNOWN: (
        "Look at it: keyturn trace KEY, or keyturn advise --live --cloudtrail.",
        "Ask the owner what uses it.",
    ),
}

_AUDIENCE: Final = "sts.amazonaws.com"
_PROVIDERS: Final[Mapping[Ci, str]] = {
    Ci.GITHUB: "token.actions.githubusercontent.com",
    Ci.GITLAB: "gitlab.com",
    Ci.BITBUCKET: "api.bitbucket.org/2.0/workspaces/<workspace>/pipelines-config/identity/oidc",
    Ci.CIRCLECI: "oidc.circleci.com/org/<organization-id>",
    Ci.AZURE_DEVOPS: "vstoken.dev.azure.com/<organization-guid>",
    Ci.TERRAFORM_CLOUD: "app.terraform.io",
    Ci.BUILDKITE: "agent.buildkite.com",
}
_AUDIENCES: Final[Mapping[Ci, str]] = {
    Ci.GITHUB: _AUDIENCE,
    Ci.GITLAB: "https://gitlab.com",
    Ci.BITBUCKET: "ari:cloud:bitbucket::workspace/<workspace-uuid>",
    Ci.CIRCLECI: "<organization-id>",
    Ci.AZURE_DEVOPS: "api://AzureADTokenExchange",
    Ci.TERRAFORM_CLOUD: "aws.workload.identity",
    Ci.BUILDKITE: _AUDIENCE,
}
_SUBJECTS: Final[Mapping[Ci, str]] = {
    Ci.GITHUB: "repo:<owner>/<repository>:ref:refs/heads/<branch>",
    Ci.GITLAB: "project_path:<group>/<project>:ref_type:branch:ref:<branch>",
    # The step's own id follows, which is another one at each run.
    Ci.BITBUCKET: "{<repository-uuid>}:{<environment-uuid>}:*",
    # Of CIRCLE_OIDC_TOKEN_V2: the other token does not say of which branch the job is.
    Ci.CIRCLECI: (
        "org/<organization-id>/project/<project-id>/user/*"
        "/vcs-origin/<vcs-origin>/vcs-ref/refs/heads/<branch>"
    ),
    Ci.AZURE_DEVOPS: "sc://<organization>/<project>/<service-connection>",
    # A plan may be of anybody's pull request, so it gets a role of its own.
    Ci.TERRAFORM_CLOUD: (
        "organization:<organization>:project:<project>:workspace:<workspace>:run_phase:apply"
    ),
    # The commit and the step follow.
    Ci.BUILDKITE: "organization:<organization>:pipeline:<pipeline>:ref:refs/heads/<branch>:*",
}
"""Whose job it is, as its token says; a * stands only behind the project that it is of."""
_SERVICES: Final = {
    "AWS Lambda": "lambda.amazonaws.com",
    "Amazon ECS": "ecs-tasks.amazonaws.com",
}


def instead_of(advice: Advice) -> str:
    """What takes the keys' place, in a few words."""
    if advice.ci:
        return f"{INSTEAD[advice.kind]} from {CI_TITLES[advice.ci]}"
    return INSTEAD[advice.kind]


def advice_text(advice: Advice) -> str:
    """A verdict as one line: what it is, how sure, what is instead, and the first evidence."""
    first = f": {advice.evidence[0].says}" if advice.evidence else ""
    return f"{TITLES[advice.kind]} ({advice.sureness}){first}. Instead: {instead_of(advice)}"


def policies_of(advice: Advice) -> dict[str, dict[str, Any]]:
    """The trust policies to copy: what for → the policy."""
    account = advice.user.account
    match advice.kind:
        case Kind.CI:
            systems = [advice.ci] if advice.ci else [Ci.GITHUB, Ci.GITLAB]
            return {CI_TITLES[each]: oidc_trust(each, account) for each in systems}
        case Kind.IN_AWS:
            return {name: service_trust(each) for name, each in _services(advice).items()}
        case Kind.ELSEWHERE:
            return {"IAM Roles Anywhere": roles_anywhere_trust(account)}
        case _:
            return {}


def oidc_trust(system: Ci, account: str) -> dict[str, Any]:
    """The trust policy of a role that one project's jobs on a CI system may take."""
    provider, subject = _PROVIDERS[system], _SUBJECTS[system]
    audience = {f"{provider}:aud": _AUDIENCES[system]}
    whose = {f"{provider}:sub": subject}
    condition = (
        {"StringEquals": audience, "StringLike": whose}
        if "*" in subject
        else {"StringEquals": audience | whose}
    )
    return _policy(
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{provider}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }
    )


def service_trust(service: str) -> dict[str, Any]:
    """The trust policy of a role of a service: only in its own account can it be handed over."""
    return _policy(
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    )


def roles_anywhere_trust(account: str) -> dict[str, Any]:
    """The trust policy of a role that one certificate's holder may take."""
    anchor = f"arn:aws:rolesanywhere:<region>:{account}:trust-anchor/<trust-anchor-id>"
    return _policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "rolesanywhere.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
            "Condition": {
                "StringEquals": {"aws:PrincipalTag/x509Subject/CN": "<common-name>"},
                "ArnEquals": {"aws:SourceArn": anchor},
            },
        }
    )


def _services(advice: Advice) -> dict[str, str]:
    """The services that were seen; where none was, those that mostly run programs."""
    seen = [each.origin for each in advice.user.calls if each.origin.place is Place.IN_AWS]
    found = {name: each for name, each in _SERVICES.items() if any(map(_names(name), seen))}
    return found or {"Amazon EC2": "ec2.amazonaws.com", **_SERVICES}


def _names(service: str) -> Any:  # noqa: ANN401 -- a question about an origin
    def does(origin: Origin) -> bool:
        return origin.why.endswith(service)

    return does


def _policy(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [dict(statement)]}
