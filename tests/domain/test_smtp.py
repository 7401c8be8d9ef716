"""Passwords for SES's SMTP interface: as AWS's own code makes them."""

import pytest

from keyturn.domain.smtp import SmtpUsers, smtp_password
from keyturn_sandbox.judge import secret_scanner

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    ("secret", "region", "password"),
    [
        # What Terraform's provider for AWS holds its own derivation to (aws_iam_access_key).
        ("some+secret+key", "eu-central-1", "BMXhUYlu5Z3gSXVQORxlVa7XPaz91aGWdfHxvkOZdWZ2"),
        ("another+secret+key", "eu-central-1", "BBbphbrQmrKMx42d1N6+C7VINYEBGI5v9VsZeTxwskfh"),
        ("some+secret+key", "us-west-1", "BH+jbMzper5WwlwUar9E1ySBqHa9whi0GPo+sJ0mVYJj"),
        ("another+secret+key", "us-west-1", "BKVmjjMDFk/qqw8EROW99bjCS65PF8WKvK5bSr4Y6EqF"),
    ],
)
def test_a_password_is_what_aws_makes_of_the_key(secret: str, region: str, password: str) -> None:
    assert smtp_password(secret, region) == password


def test_whoever_looks_for_leaks_knows_these_passwords() -> None:
    password = smtp_password(SECRET, "eu-north-1")

    assert [key for key, _ in secret_scanner.SecretScanner({"AKIA": SECRET}).find(password)] == [
        "AKIA"
    ]


@pytest.mark.parametrize(
    ("user", "is_meant"),
    [
        ("ses-smtp-user.20260302-050000", True),
        ("mailer", True),
        ("Mailer", False),
        ("mailer-2", False),
        ("deploy-bot", False),
        ("a,b", True),
    ],
)
def test_who_gets_passwords_goes_by_the_name(user: str, is_meant: bool) -> None:
    smtp = SmtpUsers(patterns=("ses-smtp-user.*", "mailer", "a*b"), regions=("eu-west-1",))

    assert list(smtp.passwords(user, SECRET)) == (["eu-west-1"] if is_meant else [])
