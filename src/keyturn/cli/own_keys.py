"""The access key that Keyturn itself runs with: to end it is to saw off the branch one sits on."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from botocore.session import Session, get_session

from keyturn.domain.decision import Action, Decision
from keyturn.domain.result import AccountResult

ASSUMED = "assume-role"
"""What botocore calls the credentials of a role that a profile names."""
DEFAULT = "default"
"""The profile that counts where none was chosen."""
_WHAT_COMES = {
    Action.ROTATE: "it gets a successor: fetch that one before this one is disabled",
    Action.DISABLE: "when it is disabled, all that comes after fails: use other credentials",
    Action.DELETE: "it is about to be deleted: use other credentials",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKeys:
    """The key that signs the calls, and the one that opened its session, where that is known."""

    signing: str | None = None
    behind: frozenset[str] = frozenset()

    def with_warnings(self, result: AccountResult) -> AccountResult:
        """Say of an account that our own key is among its keys."""
        found = tuple(
            self._warning(decided.user.name, decision)
            for decided in result.plan.users
            for decision in decided.decisions
            if decision.key_id == self.signing or decision.key_id in self.behind
        )
        if not found:
            return result
        return replace(result, plan=replace(result.plan, warnings=(*result.plan.warnings, *found)))

    def _warning(self, user: str, decision: Decision) -> str:
        how = "run Keyturn with" if decision.key_id == self.signing else "opened this session with"
        what = _WHAT_COMES.get(decision.action)
        return f"{decision.key_id} of {user} is the key that you {how}" + (
            f"; {what}" if what else ""
        )


def own_keys(session: Session) -> OwnKeys:
    """Find out with which keys the session works; nothing is asked of AWS."""
    credentials = session.get_credentials()
    if credentials is None:
        return OwnKeys()
    behind = _behind(session.profile or DEFAULT) if credentials.method == ASSUMED else ()
    return OwnKeys(signing=credentials.access_key, behind=frozenset(behind))


def _behind(profile: str) -> Iterator[str]:
    """The keys of the profiles that a role's profile starts from."""
    profiles: Mapping[str, Mapping[str, str]] = get_session().full_config.get("profiles", {})
    seen: set[str] = set()
    while profile not in seen:
        seen.add(profile)
        section = profiles.get(profile, {})
        if "aws_access_key_id" in section:
            yield section["aws_access_key_id"]
        if section.get("credential_source") == "Environment":
            yield os.environ.get("AWS_ACCESS_KEY_ID", "")
        profile = section.get("source_profile", profile)
