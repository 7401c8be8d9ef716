"""Remove a user from the exemption group, on a group and a file that are read just before."""

from dataclasses import dataclass, replace

from keyturn.domain.audit import AuditEntry
from keyturn.domain.decision import Decision
from keyturn.domain.errors import ChangedMeanwhile, PortError, Refused, Throttled
from keyturn.domain.exemptions_file import exemption_of
from keyturn.domain.key import UserFacts
from keyturn.domain.removal import Removal, RemovalState
from keyturn.domain.result import Done
from keyturn.ports import AccessKeys, Audit, Clock, Deferrals, ExemptionsFileStore
from keyturn.use_cases.audited import Audited
from keyturn.use_cases.exempt_users import ExemptUsers, read_exemptions
from keyturn.use_cases.progress import Progress

COMMAND = "removal"
"""What the audit entry calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndExemption:
    """Ends the exemptions of one account's users, in one run."""

    keys: AccessKeys
    exempt_users: ExemptUsers
    exemptions_file: ExemptionsFileStore | None
    longest: int
    """How many days ahead an end may be (MaxExemption)."""
    deferrals: Deferrals
    audit: Audit | None
    clock: Clock
    run: str
    """The run's id, for the audit entry."""
    own_id: str
    """Of this run alone: a message that is handed over twice makes two of one id."""

    def carry_out(self, user: UserFacts, decision: Decision, progress: Progress) -> None:
        """
        Remove the user, unless they are no member any more or the file approves of them by now.

        That it is begun is stored first: a run that breaks off leaves a user of whom the next one
        supposes that they were removed, and so warns them anew. Raises ChangedMeanwhile where
        nothing is to be ended any more, OrderNotDone where no audit entry could be written, a
        PortError where something else could not be.
        """
        self._still_lapsed(user)
        removal = Removal(
            account=user.account,
            user=user.name,
            user_id=user.user_id,
            group=self.exempt_users.group,
            run=self.run,
            at=self.clock(),
        )
        audited = Audited(audit=self.audit, entry=self._entry(user, decision), clock=self.clock)
        with audited:
            self.deferrals.put_removal(removal)
            try:
                self.keys.remove_from_group(user.name, removal.group)
            except (Refused, Throttled):
                self.deferrals.put_removal(replace(removal, state=RemovalState.REFUSED))
                raise
            progress.done.append(Done(decision=decision))
            audited.ends(f"{user.name} was removed from {removal.group}", failed=False)
            self.deferrals.put_removal(replace(removal, state=RemovalState.DONE))
        if audited.unwritten:
            [error, *_] = audited.unwritten
            raise PortError(f"{user.name} was removed, and the audit entry is not whole: {error}")

    def _still_lapsed(self, user: UserFacts) -> None:
        """Raise ChangedMeanwhile where the group or the file says otherwise by now."""
        if user.user_id not in self.exempt_users.ids():
            raise ChangedMeanwhile(f"{user.name} is not in the exemption group any more")
        file = read_exemptions(self.exemptions_file)
        today = self.clock().date()
        exemption = exemption_of(file, user.account, user.name, today, self.longest)
        if exemption is None or not exemption.is_lapsed:
            why = "there is no exemptions file" if exemption is None else exemption.why
            message = f"the exemption of {user.name} does not count as over any more"
            raise ChangedMeanwhile(f"{message}: {why}" if why else message)

    def _entry(self, user: UserFacts, decision: Decision) -> AuditEntry:
        return AuditEntry(
            entry_id=f"{self.own_id}{user.user_id}",
            command=COMMAND,
            at=self.clock(),
            by="Keyturn (EndExemptions)",
            run=self.run,
            account=user.account,
            user=user.name,
            why=decision.sentence,
        )
