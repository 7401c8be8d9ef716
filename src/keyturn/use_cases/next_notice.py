"""What the owner of a key would be sent next, from what is known today; nothing is sent."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from keyturn.domain.decision import Overlay, UserDecisions
from keyturn.domain.events import Audience, Digest, notice_item
from keyturn.domain.lifecycle.forecast import Step, forecast
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.result import AccountPlan
from keyturn.domain.smtp import NO_SMTP_USERS, SmtpUsers
from keyturn.ports import AccessKeys
from keyturn.use_cases.addressing import Addressing
from keyturn.use_cases.key_usage import with_usage
from keyturn.use_cases.notifications import gets_smtp_passwords, stored_in


@dataclass(frozen=True, slots=True, kw_only=True)
class NextNotice:
    """The next notice of a key, as it would be sent."""

    user: str
    key_id: str
    digests: tuple[Digest, ...] = ()
    """A message for each recipient, at the time of the run that sends it."""
    why_none: str = ""
    """Why there is none, where there is none: a clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindNextNotice:
    """Plays the rule forward until it tells somebody something."""

    keys: AccessKeys
    addressing: Addressing
    policy: RotationPolicy
    admin: str
    """The administrators' address; empty: not known here."""
    region: str
    smtp_users: SmtpUsers = NO_SMTP_USERS

    def of(self, plan: AccountPlan, key_id: str | None) -> Iterator[NextNotice]:
        """The next notice of each key of a plan, whose owners were looked up; or of one alone."""
        for decided in plan.users:
            steps = forecast(decided, self.policy, plan.run.at)
            for decision in decided.decisions:
                if key_id in {None, decision.key_id}:
                    user, key = decided.user.name, decision.key_id
                    telling = [step for step in steps[key] if step.decision.notice is not None]
                    if Overlay.EXEMPT in decision.overlays:
                        yield NextNotice(user=user, key_id=key, why_none="its user is exempt")
                    elif not telling:
                        yield NextNotice(user=user, key_id=key, why_none=decision.sentence)
                    else:
                        yield self._notice(plan, decided, telling[0])

    def _notice(self, plan: AccountPlan, decided: UserDecisions, step: Step) -> NextNotice:
        decision, notice, user = step.decision, step.decision.notice, decided.user
        known = {key.key_id for key in user.keys}
        if notice is None:
            raise AssertionError(f"{decision.key_id}: a step without a notice")
        # The id of a key that is not made yet is nobody's to know.
        if decision.successor not in known:
            decision = replace(decision, successor=None)
        item = notice_item(user.name, decision, notice, stored_in(user, decision))
        smtp = gets_smtp_passwords(user, decision, self.smtp_users)
        item = replace(item, has_smtp_passwords=smtp)
        [item] = with_usage((item,), plan, self.keys, workers=1)
        [addressed] = self.addressing.of(plan, (item,)).items
        at = datetime.combine(step.day, plan.run.at.time(), UTC)
        # Their own mail wherever the address comes from, as when it is sent.
        admin = Recipient(ChannelName.EMAIL, self.admin)
        run = replace(plan.run, at=max(at, plan.run.at), dry_run=False)
        return NextNotice(
            user=user.name,
            key_id=decision.key_id,
            digests=tuple(
                Digest(
                    run=run,
                    audience=Audience.ADMIN if to.is_same_as(admin) else Audience.OWNER,
                    recipient=to,
                    region=self.region,
                    items=(theirs,),
                )
                for to, theirs in addressed.of_recipient()
            ),
            why_none=f"its owner is {plan.owner_of(user.name)}",
        )
