"""Exemptions that end: the file that says when, and whether Keyturn may end them."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from keyturn.deployment.checks.health_check import AGAIN, HealthCheck, problem, warning
from keyturn.deployment.checks.observed import Observed, some
from keyturn.deployment.model.health import Check, Finding, FindingCode
from keyturn.domain.amounts import pluralize

_NAMED: Final = 3
"""Lines of the file that are quoted: each is a sentence."""
_OPTION: Final = "EndExemptions"


class ExemptionsEnd(HealthCheck):
    """The exemptions file can be used, its members are approved of, and what ends can be ended."""

    id = Check.EXEMPTIONS
    needs = (
        "s3:ListBucket and GetObject on the exemptions file and the snapshots, with EndExemptions "
        "also cloudformation:DescribeStackSet and DescribeStacks in the management account"
    )
    remedies: ClassVar = {
        FindingCode.EXEMPTIONS_NOT_ENDED: problem(
            f"give the member stacks {_OPTION}=True as well: {AGAIN}"
        ),
        FindingCode.EXEMPTIONS_FILE_ODD: warning(
            "correct these lines: `keyturn exemptions check --deployed` names all of them; until "
            "then no exemption counts as over because of an entry that is left out"
        ),
        FindingCode.EXEMPTIONS_LAPSED: warning(
            "extend them, or take the users out of the group: "
            "`keyturn exemptions review --deployed --html review.html`"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Compare the stacks, read the file, and count whom the last runs found without a word."""
        if seen.parameters.get(_OPTION, "").lower() == "true":
            denied = list(_without_permission(seen))
            if denied:
                said = f"the member role may remove nobody from the group: {some(denied)}"
                return self.faulty(FindingCode.EXEMPTIONS_NOT_ENDED, said)
        file = seen.probes.exemptions_file(*seen.bucket_and_prefix).read()
        if file is None:
            return self.well("there is no exemptions file: nothing says when an exemption ends")
        if file.problems:
            first = "; ".join(str(each) for each in file.problems[:_NAMED])
            more = len(file.problems) - _NAMED
            said = f"{file.place}: {first}" + (f"; and {more} more" if more > 0 else "")
            return self.faulty(FindingCode.EXEMPTIONS_FILE_ODD, said)
        lapsed = [f"{run.account}, {each}" for run in seen.runs for each in run.lapsed]
        if lapsed:
            members = pluralize(len(lapsed), "member")
            said = f"{members} of the group without a valid entry: {some(lapsed)}"
            return self.faulty(FindingCode.EXEMPTIONS_LAPSED, said)
        return self.well(f"{file.place} has {pluralize(len(file.entries), 'exemption')}")


def _without_permission(seen: Observed) -> Iterator[str]:
    """The stacks whose role lacks the permission, for their own parameter does not grant it."""
    name = seen.names.member
    if seen.stack_set is not None and not _grants(seen.stack_set.parameters):
        yield f"stack set {name}"
    if seen.management.account in {each.id for each in seen.accounts}:
        for region in sorted(seen.regions):
            found = seen.probes.head_stacks(region).find(name)
            if found is not None and not _grants(found.parameters):
                yield f"stack {name} in {seen.management.account} {region}"


def _grants(parameters: Mapping[str, str]) -> bool:
    return parameters.get(_OPTION, "").lower() == "true"
