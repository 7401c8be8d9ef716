"""
What goes wrong on an owner's machine, beside what AWS answers (domain/errors.py).

KeyturnError
├── NotDelivered      the secret holds no key of the user as Keyturn stores it
├── KeyNotUsable      the delivered key does not work, or not yet
├── UnclearProfile    a file of the AWS SDKs says two things of a profile
└── PortError
    └── WrongSecret   AWS knows another secret of the key than the profile has
"""

from keyturn.domain.errors import KeyturnError, PortError


class NotDelivered(KeyturnError):
    """The secret holds no key of the user that Keyturn delivered; nothing was changed."""


class KeyNotUsable(KeyturnError):
    """The delivered key does not work; nothing was changed."""


class UnclearProfile(KeyturnError):
    """The file says two things of a profile, or none that can be changed; it was left alone."""


class WrongSecret(PortError):
    """What was signed with the key's secret is not what AWS computes: a wrong one, or none."""
