"""Every form of a secret that the judge and the scan of the test suite look for."""

import re
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest

from keyturn_sandbox.judge.secret_scanner import SecretScanner, smtp_password, smtp_regions

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
OTHER = "AKIAI44QH8DHBEXAMPLE"
SMTP = smtp_password(SECRET, "eu-west-1")
VARIANT = re.compile(r",? (after|in lower|but for) .*")
FORMS = {
    "as it is": SECRET,
    "as it is, URL-encoded": quote(SECRET, safe=""),
    "as it is, URL-encoded, in lower case": quote(SECRET, safe="").replace("%2B", "%2b"),
    "as it is, URL-encoded, but for the slash": quote(SECRET),
    "as it is, JSON-escaped": SECRET.replace("/", r"\/"),
    "as it is, JSON-escaped, in lower hexadecimal": SECRET.replace("+", r"\u002b"),
    **{
        f"{name} after {before!r}": encode(f'{before}{SECRET}"}}'.encode()).decode()
        for before in ("", "{", '{"')
        for name, encode in (
            ("in Base64", b64encode),
            ("in Base64, but for URLs", urlsafe_b64encode),
        )
    },
    "SMTP password for eu-west-1": SMTP,
    "SMTP password for eu-west-1, URL-encoded": "pass%3D" + quote(SMTP, safe=""),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("around", ['{{"made":"{}"}}', "a {} b", "key={}&x=1", "/srv/{}"])
def test_a_secret_is_found_in_whatever_form_it_got_out(form: str, around: str) -> None:
    scanner = SecretScanner({OTHER: SECRET[::-1], KEY: SECRET})

    found = set(scanner.find(around.format(FORMS[form])))

    assert found == {(KEY, VARIANT.sub("", form))}


@pytest.mark.parametrize("region", smtp_regions())
def test_the_smtp_password_of_every_region_is_looked_for(region: str) -> None:
    scanner = SecretScanner({KEY: SECRET})

    assert list(scanner.find(smtp_password(SECRET, region)))


def test_regions_of_all_partitions_have_smtp_passwords() -> None:
    assert {"us-east-1", "eu-central-2", "us-gov-west-1"} <= set(smtp_regions())


@pytest.mark.parametrize(
    ("secret", "region", "password"),
    [
        ("some+secret+key", "eu-central-1", "BMXhUYlu5Z3gSXVQORxlVa7XPaz91aGWdfHxvkOZdWZ2"),
        ("another+secret+key", "us-west-1", "BKVmjjMDFk/qqw8EROW99bjCS65PF8WKvK5bSr4Y6EqF"),
    ],
)
def test_an_smtp_password_is_the_one_that_others_derive(
    secret: str, region: str, password: str
) -> None:
    """As Terraform's provider for AWS has it, in TestSESSMTPPasswordFromSecretKeySigV4."""
    assert smtp_password(secret, region) == password


def test_a_key_that_comes_later_is_looked_for_too() -> None:
    scanner = SecretScanner({OTHER: SECRET[::-1]})
    assert list(scanner.find(f"{SECRET} {SMTP}")) == []

    scanner.add(KEY, SECRET)

    assert {key_id for key_id, _ in scanner.find(SECRET)} == {KEY}
    assert {key_id for key_id, _ in scanner.find(SMTP)} == {KEY}


def test_two_secrets_of_one_key_id_are_both_looked_for() -> None:
    """An emulator that begins anew gives the same id again."""
    scanner = SecretScanner({KEY: SECRET})
    scanner.add(KEY, SECRET[::-1])

    for secret in (SECRET, SECRET[::-1]):
        assert list(scanner.find(secret))
        assert list(scanner.find(smtp_password(secret, "us-east-1")))


def test_what_only_looks_like_a_secret_is_none() -> None:
    scanner = SecretScanner({KEY: SECRET})

    assert list(scanner.find(f"{SECRET[::-1]} {SMTP[::-1]} {b64encode(bytes(90)).decode()}")) == []
