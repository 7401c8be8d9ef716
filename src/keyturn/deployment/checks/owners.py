"""Who answers for keys: whether what stands for their addresses can be used."""

from typing import ClassVar, Final

from keyturn.deployment.checks.health_check import HealthCheck, warning
from keyturn.deployment.checks.observed import Observed
from keyturn.deployment.model.health import Check, Finding, FindingCode
from keyturn.domain.amounts import pluralize
from keyturn.domain.owner import AllowedDomains
from keyturn.domain.owners_file import diverting_rules, hidden_rules
from keyturn.domain.scope import separated

_NAMED: Final = 3
"""Values and lines that are quoted: each is a sentence."""


class OwnerValues(HealthCheck):
    """What stands for the address of an owner who is notified can be used."""

    id = Check.OWNER_VALUES
    needs = "s3:ListBucket and GetObject on the snapshots"
    remedies: ClassVar = {
        FindingCode.OWNER_VALUES_ODD: warning(
            "correct them, or set AllowedOwnerDomains; `keyturn owners show --deployed --missing` "
            "looks at every user"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Read what the last runs found: only of users who were notified of something."""
        if not seen.runs:
            return self.unchecked("there is no snapshot of any account yet")
        odd = [f"{run.account}, {each}" for run in seen.runs for each in run.odd_owners]
        if odd:
            said = f"{pluralize(len(odd), 'value')} of owners' addresses cannot be used: "
            return self.faulty(FindingCode.OWNER_VALUES_ODD, said + _first(odd))
        return self.well("the last runs found no value that cannot be used")


class OwnersFileSound(HealthCheck):
    """All that stands in the owners file serves."""

    id = Check.OWNERS_FILE
    needs = "s3:ListBucket and GetObject on the owners file"
    remedies: ClassVar = {
        FindingCode.OWNERS_FILE_ODD: warning(
            "correct these lines: `keyturn owners check --deployed` names all of them"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Read the file, as the inventory does."""
        named = separated(seen.parameters.get("AllowedOwnerDomains", ""))
        allowed = AllowedDomains(frozenset(named) if named else None)
        file = seen.probes.owners_file(*seen.bucket_and_prefix, allowed).read()
        if file is None:
            return self.well("there is none")
        rules = file.rules
        problems = (*file.problems, *hidden_rules(rules), *diverting_rules(rules))
        if problems:
            said = f"{file.place}: {_first([str(each) for each in problems])}"
            return self.faulty(FindingCode.OWNERS_FILE_ODD, said)
        return self.well(f"{file.place} has {pluralize(len(rules), 'rule')}, and all serve")


def _first(sentences: list[str]) -> str:
    more = len(sentences) - _NAMED
    return "; ".join(sentences[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
