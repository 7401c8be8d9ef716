"""A user as a snapshot has them: what the run read of them, decided, and did."""

from dataclasses import dataclass, replace
from datetime import date

from keyturn.domain.constraints import NO_CONSTRAINTS, RunConstraints
from keyturn.domain.decision import DecisionSummary, UserDecisions
from keyturn.domain.exemptions_file import ExemptionsFile, exemption_of
from keyturn.domain.key import UserFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenUser:
    """
    What is known of one user, without asking AWS again.

    A fact that the run had no need of is UNREAD, and one that it could not read is Unknown: the
    rule is given neither as "no".
    """

    facts: UserFacts
    decisions: tuple[DecisionSummary, ...]
    """What the run decided, in the order of `facts.keys`."""
    has_facts: bool = True
    """Whether the snapshot says what the run read; one of an earlier version does not."""
    done: UserDecisions | None = None
    """What the run carried out, with its notices; None: nothing, as in a dry run."""
    constraints: RunConstraints = NO_CONSTRAINTS
    """What the account forbade."""
    owner_unknown: str | None = None
    """Why nobody knew whom to notify; None: it was known, or nobody had to know."""
    exemptions: ExemptionsFile | str | None = None
    """What the exemptions file says of them; why it could not be read; None: there is no file."""

    def facts_on(self, day: date, max_exemption: int) -> UserFacts:
        """The facts, with the exemption as it stands on a day, UTC."""
        if not self.facts.exempt:
            return self.facts
        exemption = exemption_of(
            self.exemptions, self.facts.account, self.facts.name, day, max_exemption
        )
        return replace(self.facts, exemption=exemption)
