"""Which accounts there are, and who of them gets a run today."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from keyturn.domain.admin_digest import RecordedInventory
from keyturn.domain.amounts import pluralize
from keyturn.domain.errors import InvalidValue, NotFound, NoTimeLeft, PortError
from keyturn.domain.key import Account
from keyturn.domain.owners_file import OwnersFile
from keyturn.domain.plain_text import shown
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.scope import EVERYWHERE, Scope
from keyturn.domain.stage import EVERYWHERE as ALL_ENFORCED
from keyturn.domain.stage import PARAMETER, SeenBelow, Stage
from keyturn.ports import InventoryRecords, Listed, Organization, OwnersFileStore, Queue
from keyturn.schemas.queue_message import MOST_ASKED, write_message

_NAMED: Final = 20
"""Problems of an owners file, and accounts, that are named."""
EXCLUDED = "it is excluded"
LOST = "it is not in the organisation, or not below the unit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The accounts of an organisation that are looked after, and what became of the others."""

    accounts: tuple[Account, ...]
    skipped: tuple[tuple[Account, str], ...] = ()
    """Known exceptions, with the reason: nobody has to do anything about them."""
    lost: tuple[tuple[Account, str], ...] = ()
    """Accounts that were asked for and are not looked at, with the reason: that is a failure."""
    warnings: tuple[str, ...] = ()
    joined: Mapping[str, datetime] = field(default_factory=dict)
    """Account id → when it came into the organisation, UTC, as far as that is known."""
    owners_file: OwnersFile | None = None
    """The owners file, if there is one and it was read."""
    seen: Mapping[str, SeenBelow] | None = None
    """Account id → below which units of the stage it is; None: nobody looked."""


def take_inventory(
    organization: Organization, *, scope: Scope = EVERYWHERE, only: Iterable[str] = ()
) -> Inventory:
    """
    List the accounts that the scope means.

    Args:
        organization: read from its management account.
        scope: which units are looked after, and what of them is left out.
        only: account ids; of the accounts only these are kept, and those that are not there are
            among the lost.

    Raises:
        InvalidValue: InventoryOU names a unit that does not exist.
        PortError: a list could not be read; half of one is no inventory.

    """
    # First: whoever has listed all accounts has to ask about few units.
    everywhere = {each.account.id: each for each in _listed(organization, scope.units)}
    warnings: list[str] = []
    reasons = dict.fromkeys(scope.excluded_accounts, EXCLUDED)
    for unit in scope.excluded_units:
        try:
            left_out = [each.account.id for each in organization.accounts(unit)]
        except NotFound:
            warnings.append(f"ExcludedUnits names {unit}: the organisation has no such unit")
            continue
        reasons |= dict.fromkeys(left_out, f"{EXCLUDED}, with the unit {unit}")
    wanted = set(only)
    listed = [each for each in everywhere.values() if not wanted or each.account.id in wanted]
    warnings += (
        f"ExcludedAccounts names {unknown}: {LOST}"
        for unknown in scope.excluded_accounts
        if unknown not in everywhere
    )
    warnings += _without_mail(each.account for each in listed)
    excluded = [each.account for each in listed if each.account.id in reasons]
    kept = [each for each in listed if each.account.id not in reasons]
    left = tuple((account, reasons[account.id]) for account in excluded)
    return Inventory(
        accounts=tuple(each.account for each in kept if each.is_active),
        skipped=(
            *((each.account, f"it is {each.state}") for each in kept if not each.is_active),
            *(() if wanted else left),
        ),
        lost=(
            *(left if wanted else ()),
            *((Account(id=missing), LOST) for missing in sorted(wanted - everywhere.keys())),
        ),
        warnings=tuple(warnings),
        joined={each.account.id: each.joined for each in kept if each.joined is not None},
    )


def _without_mail(accounts: Iterable[Account]) -> Iterator[str]:
    """That mails cannot be sent to the address of an account, a sentence for all of them."""
    theirs = [
        f"{account.id} ({shown(account.email)})"
        for account in accounts
        if account.email and not Recipient(ChannelName.EMAIL, account.email).can_be_reached
    ]
    if theirs:
        more = f" and {len(theirs) - _NAMED} more" if len(theirs) > _NAMED else ""
        yield (
            f"SES sends nothing to the address of {', '.join(theirs[:_NAMED])}{more}: whoever has "
            "no other source is notified at the administrators' address"
        )


def _listed(organization: Organization, units: tuple[str, ...]) -> Iterator[Listed]:
    """What the organisation lists below the units; of a unit that lies in another one, twice."""
    for unit in units or (None,):
        try:
            yield from organization.accounts(unit)
        except NotFound as error:
            rule = f"the organisation has no such unit ({error})"
            raise InvalidValue("InventoryOU", unit, rule) from error


def problems_of(file: OwnersFile) -> tuple[str, ...]:
    """What is wrong in an owners file, a sentence each, as far as anybody reads on."""
    named = [f"{file.place}: {problem}" for problem in file.problems[:_NAMED]]
    if len(file.problems) > _NAMED:
        named.append(f"{file.place}: {len(file.problems) - _NAMED} more problems")
    return tuple(named)


def with_units(
    inventory: Inventory, organization: Organization, store: OwnersFileStore
) -> Inventory:
    """
    Say of each account below which units it is, of those that the owners file names.

    What cannot be read is a warning and stops no account: its units are then not known, and the
    rule waits where it has to know them.
    """
    try:
        file = store.read()
    except PortError as error:
        said = f"the owners file could not be read, so no account's units are known ({error})"
        return replace(inventory, warnings=(*inventory.warnings, said))
    if file is None:
        return inventory
    warnings = (*inventory.warnings, *problems_of(file))
    inventory = replace(inventory, owners_file=file, warnings=warnings)
    if len(file.units) > MOST_ASKED:
        said = (
            f"{file.place} names {len(file.units)} units, more than an organisation may have "
            f"({MOST_ASKED}), so no account's units are known"
        )
        return replace(inventory, warnings=(*inventory.warnings, said))
    below: dict[str, list[str]] = {}
    for unit in sorted(file.units):
        try:
            for listed in organization.accounts(unit):
                below.setdefault(listed.account.id, []).append(unit)
        except NotFound:
            said = f"{file.place} names {unit}: the organisation has no such unit"
            inventory = replace(inventory, warnings=(*inventory.warnings, said))
        except PortError as error:
            # Of one unit that nobody knows no account can say that it is not below it.
            said = f"{unit} could not be listed, so no account's units are known ({error})"
            return replace(inventory, warnings=(*inventory.warnings, said))
    return replace(
        inventory,
        accounts=tuple(
            replace(
                account,
                units=tuple(below.get(account.id, ())),
                units_asked=file.units,
            )
            for account in inventory.accounts
        ),
    )


def with_stage(inventory: Inventory, organization: Organization, stage: Stage) -> Inventory:
    """
    Say of each account below which units of the stage it is.

    What cannot be listed is a warning and stops no account: those below it are not proven to be
    in the stage, and stay in dry run.
    """
    if stage.is_everywhere:
        return inventory
    below: dict[str, set[str]] = {}
    listed: set[str] = set()
    warnings: list[str] = []
    for unit in sorted(stage.units):
        try:
            # Whole, before any of it counts: half a list is none.
            found = [each.account.id for each in organization.accounts(unit)]
        except NotFound:
            said = "the organisation has no such unit, so nothing is enforced by it"
            warnings.append(f"{PARAMETER} names {unit}: {said}")
            continue
        except PortError as error:
            said = f"it could not be listed, so nothing is enforced by it ({error})"
            warnings.append(f"{PARAMETER} names {unit}: {said}")
            continue
        listed.add(unit)
        for account in found:
            below.setdefault(account, set()).add(unit)
    seen = {
        account.id: SeenBelow(frozenset(below.get(account.id, ())), frozenset(listed))
        for account in inventory.accounts
    }
    return replace(inventory, seen=seen, warnings=(*inventory.warnings, *warnings))


def enforced(inventory: Inventory, stage: Stage) -> tuple[Account, ...]:
    """The accounts that are proven to be in the stage."""
    seen = inventory.seen or {}
    return tuple(
        account
        for account in inventory.accounts
        if stage.why_not(account.id, seen.get(account.id)) is None
    )


def without_effect(inventory: Inventory, stage: Stage) -> tuple[str, ...]:
    """What a stage names in vain, of the whole inventory, a sentence each."""
    if stage.is_everywhere:
        return ()
    known = {each.id for each in inventory.accounts}
    left = {account.id: why for account, why in inventory.skipped}
    said = [
        f"{PARAMETER} names {each}: {left.get(each, LOST)}"
        for each in sorted(stage.accounts - known)
    ]
    if inventory.accounts and not enforced(inventory, stage):
        every = pluralize(len(inventory.accounts), "account")
        said.append(f"{PARAMETER}: nothing is enforced, for none of {every} is proven to be in it")
    return tuple(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """Queues one rotation an account."""

    organization: Organization
    queue: Queue
    scope: Scope
    owners_file: OwnersFileStore | None = None
    """None: there is no bucket that could hold one."""
    records: InventoryRecords | None = None
    """None likewise."""
    stage: Stage = ALL_ENFORCED

    def look(self) -> Inventory:
        """Find the accounts, and the units that the stage and the owners file ask about."""
        inventory = take_inventory(self.organization, scope=self.scope)
        inventory = with_stage(inventory, self.organization, self.stage)
        said = without_effect(inventory, self.stage)
        inventory = replace(inventory, warnings=(*inventory.warnings, *said))
        if self.owners_file is None:
            return inventory
        return with_units(inventory, self.organization, self.owners_file)

    def record(self, inventory: Inventory, run: str, now: datetime) -> PortError | None:
        """
        Leave word of who is about to be queued; why that failed, or None.

        It comes before the queue: whatever becomes of an account then, somebody knows that it was
        to be looked after. And it stops nobody: a day without rotations is worse than one without
        a record, and the digest says that there is none.
        """
        if self.records is None:
            return None
        taken = RecordedInventory(
            run=run,
            at=now,
            queued={account.id: account.name for account in inventory.accounts},
            skipped=len(inventory.skipped),
        )
        try:
            self.records.record(taken)
        except PortError as error:
            return error
        return None

    def send(
        self,
        inventory: Inventory,
        run: str,
        now: datetime,
        has_time: Callable[[], bool] = lambda: True,
    ) -> None:
        """
        Queue every account that is not skipped; `now`, UTC, is when it was asked for.

        Raises a PortError that names the accounts that could not be queued, or NoTimeLeft with
        those that were not tried: has_time is asked before each. The others are queued.
        """
        seen = inventory.seen or {}
        untried: list[Account] = []

        def messages() -> Iterator[Mapping[str, object]]:
            for account in inventory.accounts:
                if untried or not has_time():
                    untried.append(account)
                    continue
                yield write_message(account, run=run, requested=now, seen=seen.get(account.id))

        try:
            self.queue.send(messages(), run=run)
        except PortError as error:
            if untried:
                raise type(error)(f"{error}; {_untried(untried)}") from error
            raise
        if untried:
            raise NoTimeLeft(_untried(untried))


def _untried(accounts: Sequence[Account]) -> str:
    named = ", ".join(account.id for account in accounts[:_NAMED])
    more = f" and {len(accounts) - _NAMED} more" if len(accounts) > _NAMED else ""
    return f"no time left: not queued: {named}{more}"
