"""A recipient is a channel and an address; a receipt's name carries the address as a hash."""

import hashlib

import pytest

from keyturn.domain.recipient import ChannelName, Recipient


def by_mail(address: str) -> Recipient:
    return Recipient(ChannelName.EMAIL, address)


@pytest.mark.parametrize(
    "address", ["ann@example.com", "Ann@Example.com", " ann@example.com ", "ANN@EXAMPLE.COM\n"]
)
def test_an_address_is_one_however_it_is_spelt(address: str) -> None:
    assert by_mail(address).is_same_as(by_mail("ann@example.com"))
    assert by_mail(address).address_hash == by_mail("ann@example.com").address_hash


def test_another_address_is_another_recipient() -> None:
    assert not by_mail("ann@example.com").is_same_as(by_mail("ben@example.com"))
    assert by_mail("ann@example.com").address_hash != by_mail("ben@example.com").address_hash


def test_the_hash_is_the_beginning_of_the_sha_256() -> None:
    assert (
        by_mail("Ann@example.com").address_hash
        == (hashlib.sha256(b"ann@example.com").hexdigest()[:16])
    )


@pytest.mark.parametrize(
    ("address", "can_be"),
    [("ann@example.com", True), ("", False), ("ann", False), ("a@example.com, b@x.com", False)],
)
def test_only_what_has_its_channels_form_can_be_reached(address: str, *, can_be: bool) -> None:
    assert by_mail(address).can_be_reached is can_be
