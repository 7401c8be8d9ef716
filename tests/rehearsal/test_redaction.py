"""What may be attached to a public issue tells nothing of the account."""

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from keyturn.rehearsal.model.redaction import Redaction


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("keyturn:key:AKIAIOSFODNN7EXAMPLE disabled", "keyturn:key:<key-1> disabled"),
        (
            "User: arn:aws:sts::222222222222:assumed-role/Admin/ann is not authorized",
            "User: <arn-1> is not authorized",
        ),
        ("Account_222222222222_User_x_AccessKey", "Account_<account-1>_User_x_AccessKey"),
        ("told ann.b+c@example.com.", "told <address-1>"),
        ("key 12345678-1234-1234-1234-123456789012 is", "key <uuid-1> is"),
        ("in asa-receipts-222222222222/x", "in <bucket>/x"),
        ("2026-11-29T21:45:40Z, 190 days, 76 s", "2026-11-29T21:45:40Z, 190 days, 76 s"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "<secret-1>"),
        ("Secret=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "Secret=<secret-1>"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY= is", "<secret-1> is"),
        ("s=wJalrXUtnFEMI%2FK7MDENG%2FbPxRfiCYEXAMPLEKEY&", "s=<secret-1>&"),
        (f"token {'IQoJb3JpZ2luX2Vj/' * 9}aB+c==, that is", "token <secret-1>, that is"),
        ("with eyJhbGciOiJ.eyJzdWIiOi_J-x.c2ln", "with <token-1>"),
        (
            "in o-a1b2c3d4e5, ou-ab12-34cd56ef/r-ab12",
            "in <organization-1>, <organization-2>/<organization-3>",
        ),
        ("of 1111-2222-3333", "of <account-1>"),
        ("keyturn-rehearsal-0a1b2c3d, 2026-11-29", "keyturn-rehearsal-0a1b2c3d, 2026-11-29"),
    ],
)
def test_it_leaves_out_what_tells_of_the_account(text: str, shown: str) -> None:
    redaction = Redaction({"asa-receipts-222222222222": "bucket"})

    assert redaction.of(text).rstrip(".") == shown


def test_one_key_is_one_word_throughout() -> None:
    redaction = Redaction()

    first = redaction.of("AKIAIOSFODNN7EXAMPLE and AKIAI44QH8DHBEXAMPLE")
    second = redaction.of("keyturn:key:AKIAI44QH8DHBEXAMPLE")

    assert (first, second) == ("<key-1> and <key-2>", "keyturn:key:<key-2>")


KEY, ADDRESS = "AKIAIOSFODNN7EXAMPLE", "jane.doe@corp.example"
URLS = [
    f"https://asa-receipts.s3.amazonaws.com/Receipts%2F{KEY}%2Fdisable.json",
    f"https://asa-receipts.s3.amazonaws.com/Receipts%252F{KEY}%252fdisable.json",
    f"https://email.amazonaws.com/suppression/{ADDRESS.replace('@', '%40')}",
    "https://lambda.amazonaws.com/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A222222222222%3Ax",
    "https://iam.amazonaws.com/%3FUserId%3DAIDACKCEVSQ6C2EXAMPLE%26Of%3D222222222222",
    f"https://example.com/x2F{KEY}x",
]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("kind", [EndpointConnectionError, ReadTimeoutError])
def test_an_address_in_an_error_of_the_network_tells_no_more_than_other_words(
    url: str, kind: type[EndpointConnectionError] | type[ReadTimeoutError]
) -> None:
    told = Redaction({"asa-receipts": "bucket"}).of(str(kind(endpoint_url=url, error="closed")))

    for secret in (KEY, ADDRESS, "jane", "222222222222", "arn:aws", "AIDA", "asa-receipts"):
        assert secret not in told
    assert "%2F" not in told.upper()
    assert "%40" not in told
    assert "%3A" not in told.upper()
