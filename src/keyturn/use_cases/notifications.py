"""Say what happened: events for the bus, and a digest for everybody who has to know."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from keyturn.domain.decision import Action, Decision, NoticeType, Reason, UserDecisions
from keyturn.domain.errors import NobodyReached, OwnerNotKnown, PortError
from keyturn.domain.events import (
    Audience,
    Digest,
    Event,
    EventType,
    NoticeItem,
    OddValues,
    Run,
    notice_item,
)
from keyturn.domain.exemption import ExemptionChange, GroupChange
from keyturn.domain.key import SecretFacts, UserFacts
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.result import AccountPlan, AccountResult, Done, Failure, OwnerRejected
from keyturn.domain.secret_life import SecretStep
from keyturn.domain.secret_names import USER_ID_TAG, secret_name
from keyturn.domain.smtp import NO_SMTP_USERS, SmtpUsers
from keyturn.ports import AccessKeys, CallHistory, Receipts
from keyturn.schemas.decision import write_decision
from keyturn.schemas.event import (
    write_counted,
    write_exemption,
    write_failure,
    write_secret,
)
from keyturn.use_cases.addressing import Addressed, Addressing
from keyturn.use_cases.find_owner import FindOwner
from keyturn.use_cases.key_usage import with_usage

FOUND_EXEMPT = (
    "{name} is exempt from key rotation now, and was not when the account was last looked at: "
    "if you do not know why, ask who put them into the exemption group"
)
MOST_ODD = 20
"""Values of owners that a mail names; the log has all."""
DRY_RUN_WEEK = timedelta(days=7) - timedelta(hours=12)
"""How often an owner hears of a dry run at most; the slack is that of every day count."""

_EVENT_OF_ACTION = {
    Action.WARN: EventType.WARNED,
    Action.ROTATE: EventType.ROTATED,
    Action.DISABLE: EventType.DISABLED,
    Action.DELETE: EventType.DELETED,
    Action.REVOKE: EventType.REVOKED,
}
_ONLY_NOTICES = {EventType.NOTICED, EventType.WARNED}
"""What says nothing but that somebody was notified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """What is to be reported of one run over one account."""

    events: tuple[Event, ...]
    digests: tuple[Digest, ...]
    failures: tuple[Failure, ...] = ()
    """What could not be read about who is to be notified."""
    rejected: tuple[OwnerRejected, ...] = ()
    """What stands for the address of an owner who was to be notified, and does not serve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildNotifications:
    """Turns a result into notices for people and events for programs."""

    keys: AccessKeys
    find_owner: FindOwner
    receipts: Receipts
    admin: str
    region: str
    policy: RotationPolicy = field(default_factory=RotationPolicy)
    tells_owners_of_dry_runs: bool = True
    exemption_group: str = "IAMKeyRotationExemptionGroup"
    is_announced: bool = True
    """Whether anybody is sent any of it: for nobody, neither owners nor uses are looked up."""
    workers: int = 1
    smtp_users: SmtpUsers = NO_SMTP_USERS
    """Whose new secrets hold passwords for SES's SMTP interface, too."""
    history: CallHistory | None = None
    """Where it is asked from where a key is used; None: nowhere (ReadCloudTrail)."""

    def of(self, result: AccountResult, *, is_in_digest: bool = False) -> Notifications:
        """
        Turn what a run did into events and digests; of a dry run, only what would be.

        is_in_digest: a digest tells the administrators of this run: the day's, or that of a run
        over many accounts. So no copy does.
        No KeyturnError leaves it: whose owner could not be read is among its failures,
        and no window begins for them (decision 0012).
        """
        run = result.plan.run
        smtp = self.smtp_users
        found = _items_planned(result.plan, smtp) if run.dry_run else _items_done(result, smtp)
        items = (*found, *_items_of_renamed(result.plan.users))
        if self.is_announced:
            # A dry run is told each day, and nobody has to look for a key's users by then.
            history = None if run.dry_run else self.history
            items = with_usage(
                items, result.plan, self.keys, workers=self.workers, history=history
            )
        addressed = Addressing(
            find_owner=self.find_owner, policy=self.policy, is_announced=self.is_announced
        ).of(result.plan, items)
        unread = list(addressed.failures)
        admin = Recipient(ChannelName.EMAIL, self.admin)
        to_owners = [
            self._digest(run, to, theirs)
            for to, theirs in addressed.of_recipient()
            if not to.is_same_as(admin) and (not run.dry_run or self._may_tell(run, to, unread))
        ]
        untold = self._reaching_nobody(addressed, admin)
        if untold:
            unread.append(Failure(error=NobodyReached(self.admin, sorted(untold))))
        result = replace(result, not_notified=tuple(unread))
        return Notifications(
            events=(
                *_found_exempt(result, self.exemption_group),
                *_events(result, untold, self.exemption_group),
            ),
            digests=(
                *to_owners,
                *(
                    self._proving(run, admin, addressed)
                    if is_in_digest
                    else self._to_admin(result, admin, addressed)
                ),
            ),
            failures=result.not_notified,
            rejected=addressed.odd,
        )

    def _reaching_nobody(self, addressed: Addressed, admin: Recipient) -> frozenset[str]:
        """The ids of the keys whose one owner is the administrators, whom no mail reaches."""
        only_theirs = frozenset(
            each.item.key_id
            for each in addressed.items
            if each.to and all(to.is_same_as(admin) for to, _ in each.of_recipient())
        )
        # The mail is sent all the same: when one arrives there again, all is well.
        if not only_theirs or not self.find_owner.no_mail_reaches(admin):
            return frozenset()
        return only_theirs

    def _proving(self, run: Run, admin: Recipient, addressed: Addressed) -> Iterator[Digest]:
        """What the admin's own acceptance proves: that cannot wait for the end of the day."""
        own = [each.item for each in addressed.items if each.is_to(admin)]
        if own and not run.dry_run:
            yield replace(self._digest(run, admin, own), audience=Audience.ADMIN)

    def _to_admin(
        self, result: AccountResult, admin: Recipient, addressed: Addressed
    ) -> Iterator[Digest]:
        """
        What the admin is told: as an owner, and as a copy of what the other owners are.

        A copy proves nothing: where an owner is not known, the windows do not begin.
        """
        run = result.plan.run
        found = tuple(FOUND_EXEMPT.format(name=name) for name in result.newly_exempt)
        # That an owner is not known is said of each key that waits for it, and not every day.
        failed = (
            str(each) for each in result.failures if not isinstance(each.error, OwnerNotKnown)
        )
        failures = (*found, *failed)
        odd = _first(addressed.odd)
        own = [each.item for each in addressed.items if each.is_to(admin)]
        # A copy goes to the admin alone, whatever the owners are reached by.
        others = [
            replace(each.item, channels=None) for each in addressed.items if not each.is_to(admin)
        ]
        if own:
            yield replace(
                self._digest(run, admin, own), audience=Audience.ADMIN, failures=failures, odd=odd
            )
        if others or (failures and not own):
            yield replace(
                self._digest(run, admin, others),
                audience=Audience.ADMIN,
                failures=() if own else failures,
                odd=OddValues() if own else odd,
                proves=False,
            )

    def _digest(self, run: Run, to: Recipient, items: Iterable[NoticeItem]) -> Digest:
        return Digest(
            run=run,
            audience=Audience.OWNER,
            recipient=to,
            region=self.region,
            items=tuple(items),
        )

    def _may_tell(self, run: Run, owner: Recipient, unread: list[Failure]) -> bool:
        """Owners hear of a dry run once a week at most; who cannot be looked up hears nothing."""
        if not self.tells_owners_of_dry_runs:
            return False
        try:
            last = self.receipts.last_dry_run_digest(run.account.id, owner)
        except PortError as error:
            unread.append(Failure(error=error))
            return False
        return last is None or run.at - last >= DRY_RUN_WEEK


def _first(odd: tuple[OwnerRejected, ...]) -> OddValues:
    return OddValues(count=len(odd), first=tuple(map(str, odd[:MOST_ODD])))


def _items_planned(plan: AccountPlan, smtp: SmtpUsers) -> Iterator[NoticeItem]:
    for decided in plan.users:
        for decision in decided.decisions:
            yield from _item(decided.user, decision, smtp)


def _items_done(result: AccountResult, smtp: SmtpUsers) -> Iterator[NoticeItem]:
    for outcome in result.outcomes:
        for done in outcome.done:
            yield from _item(outcome.decided.user, _with_new_key(done), smtp)


def _item(user: UserFacts, decision: Decision, smtp: SmtpUsers) -> Iterator[NoticeItem]:
    if decision.notice is None:
        return
    item = notice_item(user.name, decision, decision.notice, stored_in(user, decision))
    yield replace(item, has_smtp_passwords=gets_smtp_passwords(user, decision, smtp))


def _items_of_renamed(all_decided: Iterable[UserDecisions]) -> Iterator[NoticeItem]:
    """
    Tell a renamed user's owner, whenever somebody else's wait for the old name's secret is told.

    Whatever reads that secret will find no new key there: new ones are stored under the new name.
    """
    all_decided = tuple(all_decided)
    of_id = {decided.user.user_id: decided for decided in all_decided if decided.decisions}
    for decided in all_decided:
        secret = decided.user.secret
        notices = [d.notice for d in decided.decisions if d.reason is Reason.SECRET_FOREIGN]
        if not isinstance(secret, SecretFacts) or not any(notices):
            continue
        renamed = of_id.get(secret.tags.get(USER_ID_TAG, ""))
        if renamed is None or renamed is decided:
            continue
        user, newest = renamed.user, renamed.decisions[-1]
        old, new = (secret_name(user.account, name) for name in (decided.user.name, user.name))
        sentence = (
            f"{user.name} was called {decided.user.name} before: a key is still stored in {old}"
        )
        yield notice_item(
            user.name,
            replace(
                newest,
                action=Action.WAIT,
                reason=Reason.SECRET_FOREIGN,
                sentence=f"{sentence}, but every new one in {new}. Read it from there",
            ),
            next(filter(None, notices)),
            None,
        )


def _with_new_key(done: Done) -> Decision:
    return replace(done.decision, successor=done.new_key) if done.new_key else done.decision


def stored_in(user: UserFacts, decision: Decision) -> str | None:
    """The secret in which the successor lies, or will."""
    lies_there = decision.action is Action.ROTATE or decision.rotates or decision.delivered
    return secret_name(user.account, user.name) if lies_there else None


def gets_smtp_passwords(user: UserFacts, decision: Decision, smtp: SmtpUsers) -> bool:
    """
    Whether the secret gets passwords for SES's SMTP with the key that this decision makes.

    Of a key made in an earlier run nobody knows: SmtpUsers may have been another one then.
    """
    return (decision.action is Action.ROTATE or decision.rotates) and smtp.are(user.name)


def _found_exempt(result: AccountResult, group: str) -> Iterator[Event]:
    for name in result.newly_exempt:
        yield _exemption_changed(result.plan.run, group, name, GroupChange.FOUND)


def _exemption_changed(run: Run, group: str, user: str, what: GroupChange) -> Event:
    """That a run found a user exempt, or removed them from the group."""
    change = ExemptionChange(
        id=run.id,
        account=run.account.id,
        group=group,
        change=what,
        user=user,
        policy=None,
        by="nobody known" if what is GroupChange.FOUND else "Keyturn",
        at=run.at,
    )
    return Event(type=EventType.EXEMPTION_CHANGED, run=run, detail=write_exemption(change))


def _events(result: AccountResult, untold: Collection[str], group: str) -> Iterator[Event]:
    """
    Say what happened to each key, and what the run came to.

    untold: keys whose notices reach nobody: that one was given is not said of them.
    """
    run = result.plan.run
    for outcome in result.outcomes:
        for done in outcome.done:
            if done.decision.notice is None:
                continue
            if done.decision.action is Action.END_EXEMPTION:
                change = GroupChange.REMOVED
                yield _exemption_changed(run, group, outcome.decided.user.name, change)
                continue
            event_type = _type(done.decision, done.decision.notice.type)
            if event_type in _ONLY_NOTICES and done.decision.key_id in untold:
                continue
            yield Event(
                type=event_type,
                run=run,
                detail=write_decision(outcome.decided.user.name, _with_new_key(done)),
            )
    for each in result.secrets_done:
        if each.step is SecretStep.SCHEDULE:
            yield Event(type=EventType.SECRET_SCHEDULED, run=run, detail=write_secret(each))
    yield from _alarming(result)
    for failure in result.failures:
        yield Event(
            type=EventType.ROTATION_FAILED if failure.user else EventType.ACCOUNT_FAILED,
            run=run,
            detail=write_failure(failure),
        )
    yield Event(type=EventType.RUN_COMPLETED, run=run, detail=write_counted(result))


def _alarming(result: AccountResult) -> Iterator[Event]:
    """Say on every run which keys nobody can have, and which ones the cap holds back."""
    run = result.plan.run
    notified = {
        done.decision.key_id
        for outcome in result.outcomes
        for done in outcome.done
        if done.decision.notice is not None
    }
    for decided in result.plan.users:
        for decision in decided.decisions:
            held = decision.reason is Reason.OVER_CAP and not run.dry_run
            is_nobodys = decision.key_id == decided.quarantined
            if (held or is_nobodys) and decision.key_id not in notified:
                yield Event(
                    type=EventType.BLOCKED,
                    run=run,
                    detail=write_decision(decided.user.name, decision),
                )


def _type(decision: Decision, notice_type: NoticeType) -> EventType:
    """What happened; a notice that only repeats what happened earlier is a notice."""
    if decision.action in _EVENT_OF_ACTION:
        return _EVENT_OF_ACTION[decision.action]
    match notice_type:
        case NoticeType.RESTORED:
            return EventType.RESTORED
        case NoticeType.ORPHAN if decision.reason is Reason.ORPHAN_OVER:
            return EventType.ORPHAN_REMOVED
        case NoticeType.ORPHAN | NoticeType.BLOCKED:
            return EventType.BLOCKED
        case _:
            return EventType.NOTICED
