"""Who is exempt in an account: "cannot tell" is never "not exempt"."""

from dataclasses import dataclass

from keyturn.domain.errors import AccountUnreachable, NotFound, PortError, SkippedAccount
from keyturn.ports import AccessKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptUsers:
    """The members of the exemption group of one account."""

    keys: AccessKeys
    group: str
    may_be_missing: bool = False
    """AllowMissingExemptionGroup: without the group nobody is exempt."""

    def ids(self) -> frozenset[str]:
        """Their `UserId`s, before a write. Raises SkippedAccount where nobody can tell."""
        return self.with_warning(dry_run=False)[0]

    def with_warning(self, *, dry_run: bool) -> tuple[frozenset[str], str | None]:
        """
        Their `UserId`s, and what an operator has to know of the group (None: nothing).

        Raises SkippedAccount where the group cannot be read, or, but in a dry run, is missing.
        Source: docs/lifecycle.md, "Exempt"; invariant 5.
        """
        try:
            return self.keys.members_of(self.group), None
        except NotFound as error:
            missing = f"the exemption group {self.group} does not exist"
            if dry_run or self.may_be_missing:
                return frozenset(), f"{missing}: nobody is exempt"
            message = f"{missing}: the account was skipped (AllowMissingExemptionGroup=false)"
            raise SkippedAccount(message) from error
        except AccountUnreachable:
            raise
        except PortError as error:
            message = (
                f"the exemption group {self.group} could not be read: "
                f"the account was skipped ({error})"
            )
            raise SkippedAccount(message) from error
