"""Who is exempt in an account, and until when: "cannot tell" is never "not exempt"."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from keyturn.domain.errors import AccountUnreachable, NotFound, PortError, SkippedAccount
from keyturn.domain.events import Run
from keyturn.domain.exemptions_file import ExemptionsFile, without_member
from keyturn.ports import AccessKeys, ExemptionsFileStore


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


def read_exemptions(store: ExemptionsFileStore | None) -> ExemptionsFile | str | None:
    """The exemptions file; why it could not be read; None: there is none. Raises nothing."""
    try:
        return None if store is None else store.read()
    except PortError as error:
        return str(error)


def remarks_on(
    file: ExemptionsFile | str | None,
    run: Run,
    living: Mapping[str, str],
    exempt: Collection[str],
) -> Iterator[str]:
    """
    What is odd about the exemptions file, as this account sees it.

    Args:
        file: as `read_exemptions` has it.
        run: over the account.
        living: `UserId` → name of its users.
        exempt: the `UserId`s of those who are exempt.

    """
    if isinstance(file, str):
        yield f"the exemptions file could not be read: no exemption counts as ended ({file})"
    elif file is not None:
        yield from (f"{file.place}: {problem}" for problem in file.problems)
        members = [name for user_id, name in living.items() if user_id in exempt]
        yield from without_member(file, run.account.id, members, run.at.date())
