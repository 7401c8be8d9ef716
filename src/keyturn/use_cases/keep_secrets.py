"""The secrets of an account: which of them nobody needs, and what is done about those."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from keyturn.domain.decision import Action, Reason, UserDecisions
from keyturn.domain.errors import (
    ChangedMeanwhile,
    InvalidValue,
    KeyturnError,
    NotFound,
    PortError,
    Refused,
    Throttled,
    Unavailable,
    WriteStopped,
)
from keyturn.domain.key import Seal, SecretFacts, UserFacts
from keyturn.domain.leftover import Leftover, leftover
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.result import AccountPlan, Failure
from keyturn.domain.secret_life import (
    SecretDecision,
    SecretsPlan,
    SecretStep,
    SecretView,
    Terms,
    is_reserve_begun,
    judge,
    lost_on,
    scheduled_mark,
    take_back_what_no_rotation_will,
    within_cap,
)
from keyturn.domain.secret_names import (
    KEY_TAG,
    USER_ID_TAG,
    owner_of_secret,
    secret_name,
    version_id_for,
)
from keyturn.ports import AccessKeys, Clock, ListedSecret, SecretList, SecretStore
from keyturn.use_cases.gate import Gate
from keyturn.use_cases.listed_secrets import FEW
from keyturn.use_cases.side_by_side import side_by_side

MOST_REFUSED = 3
"""Secrets about which nothing could be done, and after which no other is tried in the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsDone:
    """What became of the secrets about which something was due."""

    done: tuple[SecretDecision, ...] = ()
    failures: tuple[Failure, ...] = ()
    in_danger: tuple[SecretDecision, ...] = ()
    """Of living users, scheduled, and not taken back: the run may not write, or did not come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepSecrets:
    """
    Finds the secrets that nobody needs any more, marks them, and schedules their deletion.

    It lists them once a run, and asks AWS about one only on the day on which something is due.
    """

    keys: AccessKeys
    secrets: SecretList
    store: SecretStore
    clock: Clock
    policy: RotationPolicy
    days: int | None
    """RemoveSecretsAfter; None: it is off, and what was scheduled before is taken back."""
    kms_key: str | None
    workers: int

    def planned(self, plan: AccountPlan, living: Mapping[str, str]) -> AccountPlan:
        """
        Decide about the secrets of the users that were looked at; it only reads.

        Args:
            plan: with a decision for each key.
            living: `UserId` → name of all users of the account.

        Returns:
            The plan with its secrets. What cannot be listed is a failure: nothing is scheduled,
            and nothing that is can be taken back.

        """
        account = plan.run.account.id
        if self.days is None:
            return self._of_what_was_switched_off(plan)
        # Runs over some users write to no secret: only who looks at their plan is shown them.
        if not plan.is_whole and not plan.run.dry_run:
            return plan
        try:
            listed = self._listed(plan)
        except PortError as error:
            unseen = PortError(
                "the secrets could not be listed: none is scheduled for deletion, and none that "
                f"is can be taken back in time ({error})"
            )
            return replace(plan, failures=(*plan.failures, Failure(error=unseen)))
        ours = [each for each in listed if _is_ours(each.name, account)]
        users = {decided.user.name: decided for decided in plan.users}
        judged = side_by_side(
            lambda each: self._judged(each, plan, users, living),
            ours,
            workers=self.workers,
        )
        decided = within_cap(
            (each for each in judged if each is not None),
            self.policy,
            secrets=len(ours),
            scheduled_today=sum(
                each.deleted is not None and self._is_of_today(each, plan) for each in ours
            ),
        )
        leaving = sum(each.deleted is not None for each in ours)
        planned = replace(
            plan,
            secrets=SecretsPlan(
                decisions=tuple(sorted(decided, key=lambda each: each.name)),
                stored=len(ours) - leaving if plan.is_whole else None,
                scheduled=leaving if plan.is_whole else None,
            ),
        )
        at_risk = tuple(each for each in decided if each.lost_on is not None)
        return with_dangers(planned, at_risk) if plan.run.dry_run else planned

    def _listed(self, plan: AccountPlan) -> list[ListedSecret]:
        """Of the whole account, or of the few users that were asked for."""
        account = plan.run.account.id
        names = {secret_name(account, decided.user.name) for decided in plan.users}
        if plan.is_whole or len(names) > FEW:
            listed = self.secrets.named(f"Account_{account}_User_")
            return [each for each in listed if plan.is_whole or each.name in names]
        return [each for name in sorted(names) for each in self.secrets.named(name)]

    def _of_what_was_switched_off(self, plan: AccountPlan) -> AccountPlan:
        """
        Of the secrets that the rule had read in any case: those that we scheduled.

        A role need not list secrets for it: in the last WarnDays before a rotation, which are
        those in which a secret can be scheduled, each user's own secret is read.
        """
        decided = []
        for each in plan.users:
            secret = each.user.secret
            if isinstance(secret, SecretFacts) and plan.is_whole:
                name = secret_name(plan.run.account.id, each.user.name)
                view = SecretView(
                    name=name, secret=secret, user=each.user, terms=self._terms(plan)
                )
                taken = take_back_what_no_rotation_will(view)
                decided += [taken] if taken is not None else []
        if not decided:
            return plan
        planned = replace(plan, secrets=SecretsPlan(decisions=tuple(decided)))
        return with_dangers(planned, tuple(decided)) if plan.run.dry_run else planned

    def carry_out(
        self, plan: AccountPlan, gate: Gate, has_time: Callable[[], bool]
    ) -> SecretsDone:
        """
        Do what is due about them, one after the other, until nothing seems to work.

        Args:
            plan: of a run over all users that is no dry one; a plan that somebody approved of
                lists keys alone, and so no secret is written to.
            gate: asked before every write.
            has_time: whether another one may be begun.

        """
        request = plan.request
        if plan.secrets is None or not plan.is_whole or request.approved or request.forced:
            return SecretsDone()
        done: list[SecretDecision] = []
        failures: list[Failure] = []
        settled: set[str] = set()
        # First what would be lost.
        due = sorted(plan.secrets.due, key=lambda each: each.step is not SecretStep.TAKE_BACK)
        for each in due:
            if not has_time() or not gate.is_open():
                break
            try:
                self._do(each, plan, gate, done)
            except (ChangedMeanwhile, NotFound):
                settled.add(each.name)
                continue  # the next run looks again
            except WriteStopped:
                break  # the gate says why
            except KeyturnError as error:
                failures.append(_failed(each, error))
                # A role that lacks the permission lacks it for each of them.
                if not done and len(failures) == MOST_REFUSED:
                    break
        settled |= {each.name for each in done}
        scheduled = [each for each in plan.secrets.decisions if each.lost_on is not None]
        is_shut = bool(scheduled) and not gate.is_open()
        in_danger = (
            each
            for each in scheduled
            if each.name not in settled and (is_shut or each.step is SecretStep.TAKE_BACK)
        )
        return SecretsDone(done=tuple(done), failures=tuple(failures), in_danger=tuple(in_danger))

    def _judged(
        self,
        listed: ListedSecret,
        plan: AccountPlan,
        users: Mapping[str, UserDecisions],
        living: Mapping[str, str],
    ) -> SecretDecision | None:
        """Judge one secret; None: it is somebody's of whom nothing is to be said."""
        account = plan.run.account.id
        _, name = owner_of_secret(listed.name)
        left = leftover(
            listed.name,
            listed.tags,
            living,
            account=account,
            is_empty=not listed.versions,
            is_leaving=listed.deleted is not None,
        )
        decided = users.get(name)
        if left is not None:
            lives = left.now_called or _holder(listed, users)
            if lives is not None:
                return self._of_a_living(listed, left, lives)
            if left.is_taken:
                return _left_to_a_person(listed, left)
            user = UserFacts(
                account=account, name=name, user_id=left.user_id or "", keys=(), living=living
            )
        elif decided is not None and listed.tags.get(USER_ID_TAG) == decided.user.user_id:
            user = decided.user
        else:
            return self._unseen(listed) if plan.is_whole else None
        view = SecretView(
            name=listed.name,
            secret=_facts(listed),
            user=user,
            terms=self._terms(plan),
            is_of_gone=left is not None,
            is_quiet=decided is None or _is_quiet(decided),
            rotates_on=_rotates_on(decided, plan.run.at.date()) if decided else None,
        )
        return judge(view) or self._closely(view)

    def _of_a_living(self, listed: ListedSecret, left: Leftover, lives: str) -> SecretDecision:
        """Of a secret with another user's name, and the UserId or the key of one who lives."""
        person = _left_to_a_person(listed, left)
        begun = scheduled_mark(listed.tags, self.clock())
        if listed.deleted is None or begun is None:
            return person
        tag, day = begun
        return replace(
            person,
            step=SecretStep.TAKE_BACK,
            sentence=f"the key of {lives}, who lives, is in it; its user {left.user} is not there",
            tag=tag,
            lost_on=lost_on(day),
        )

    def _unseen(self, listed: ListedSecret) -> SecretDecision | None:
        """Of a user who was not looked at: their rotation may have waited too long."""
        begun = scheduled_mark(listed.tags, self.clock())
        if listed.deleted is None or begun is None:
            return None
        tag, day = begun
        _, name = owner_of_secret(listed.name)
        found = SecretDecision(
            name=listed.name,
            user=name,
            step=SecretStep.KEEP,
            sentence="its deletion is scheduled, and its user was not looked at",
            tag=tag,
            is_scheduled=True,
            arn=listed.arn,
            lost_on=lost_on(day),
        )
        if not is_reserve_begun(day, self.clock()):
            return found
        why = "its user was not looked at, and no rotation took its deletion back in time"
        return replace(found, step=SecretStep.TAKE_BACK, sentence=why)

    def _is_of_today(self, listed: ListedSecret, plan: AccountPlan) -> bool:
        """Whether a run of this UTC day set out to schedule it."""
        begun = scheduled_mark(listed.tags, self.clock())
        return begun is not None and begun[1].date() == plan.run.at.date()

    def _terms(self, plan: AccountPlan) -> Terms:
        return Terms(
            days=self.days,
            now=max(plan.run.at, self.clock()),
            kms_key=self.kms_key,
            dry_run=plan.run.dry_run,
        )

    def _closely(self, view: SecretView) -> SecretDecision | None:
        """Judge it by what AWS says of the one secret, and of its key, now; None: it is gone."""
        try:
            secret = self.store.look(view.secret.arn)
            keys = view.user.keys
            use = self.keys.last_use(keys[0].key_id) if keys else view.use
        except PortError as error:
            return view.look(f"it, or the use of its key, could not be read ({error})")
        return (
            None if secret is None else judge(replace(view, secret=secret, use=use, is_close=True))
        )

    def _do(
        self, each: SecretDecision, plan: AccountPlan, gate: Gate, done: list[SecretDecision]
    ) -> None:
        view = each.view
        # What is taken back is ours to take back, of an exempt user, too.
        if view is not None and each.step is not SecretStep.TAKE_BACK:
            gate.pass_by(view.user)
        match each.step:
            case SecretStep.MARK:
                begun = replace(each.mark, since=self.clock())
                self.store.tag(each.arn, {each.tag: str(begun)})
            case SecretStep.UNMARK:
                self.store.untag(each.arn, [each.tag])
            case SecretStep.TAKE_BACK:
                now = self.store.look(each.arn)
                if now is None or not now.scheduled_for_deletion:
                    message = f"the deletion of {each.name} was taken back meanwhile"
                    raise ChangedMeanwhile(message)
                self.store.restore(each.arn)
                self.store.untag(each.arn, [each.tag])
            case SecretStep.SCHEDULE if view is not None:
                before = self._as_it_is(view, plan)
                self._schedule(each, before, lambda: gate.pass_by(view.user), done)
                return
        done.append(each)

    def _as_it_is(self, view: SecretView, plan: AccountPlan) -> SecretFacts:
        """
        Read the secret, its user and the use of its key anew: nothing is taken away on old news.

        Raises ChangedMeanwhile where its deletion is not due any more.
        """
        try:
            keys = self.keys.keys_of(view.user.name)
        except NotFound:
            keys = None
        secret = self.store.look(view.secret.arn)
        again = None
        if secret is not None and (keys is None) == view.is_of_gone:
            now = replace(
                view,
                secret=secret,
                user=replace(view.user, keys=keys or ()),
                terms=self._terms(plan),
                use=self.keys.last_use(keys[0].key_id) if keys else view.use,
                is_close=True,
            )
            again = judge(now)
        if secret is None or again is None or again.step is not SecretStep.SCHEDULE:
            message = f"{view.name} changed while its deletion was decided about"
            raise ChangedMeanwhile(message)
        return secret

    def _schedule(
        self,
        each: SecretDecision,
        before: SecretFacts,
        may_write: Callable[[], None],
        done: list[SecretDecision],
    ) -> None:
        """
        Say on the secret that it is Keyturn who schedules its deletion, and do so.

        The mark first, for nothing can be written on a secret that is scheduled. A run that
        rotates meanwhile finds the secret scheduled and takes that back, or it is seen here.
        """
        mark = replace(each.mark, scheduled=self.clock())
        self.store.tag(each.arn, {each.tag: str(mark)})
        try:
            self._unchanged(each, before)
            may_write()
            self._ask_for_it(each.arn)
        except (ChangedMeanwhile, Refused, Throttled):
            # Nothing was scheduled: with this mark, it would pass for one that a person took back.
            self.store.tag(each.arn, {each.tag: str(each.mark)})
            raise
        done.append(each)
        try:
            self._unchanged(each, before, is_scheduled=True)
        except ChangedMeanwhile:
            self.store.restore(each.arn)
            self.store.tag(each.arn, {each.tag: str(each.mark)})
            done.remove(each)
            raise
        except PortError as error:
            message = (
                f"it is scheduled; whether its user was rotated meanwhile is not known: {error}"
            )
            raise PortError(message) from error

    def _ask_for_it(self, arn: str) -> None:
        try:
            self.store.schedule(arn)
        except Unavailable as error:
            message = (
                "it was asked for; whether it is scheduled is not known, and the next run sees "
                f"it: {error}"
            )
            raise PortError(message) from error

    def _unchanged(
        self, each: SecretDecision, before: SecretFacts, *, is_scheduled: bool = False
    ) -> None:
        """Raise ChangedMeanwhile where a rotation, or a person, was at the secret since."""
        now = self.store.look(each.arn)
        if now is None or _rest(now, each.tag) != _rest(before, each.tag):
            message = f"{each.name} changed while its deletion was scheduled"
            raise ChangedMeanwhile(message)
        if now.scheduled_for_deletion != is_scheduled:
            message = f"the deletion of {each.name} was scheduled or taken back by somebody else"
            raise ChangedMeanwhile(message)


def with_dangers(plan: AccountPlan, scheduled: Iterable[SecretDecision]) -> AccountPlan:
    """Say of scheduled secrets that nobody takes back when AWS destroys them, and what helps."""
    found = {each.name: each.in_danger for each in scheduled}
    if plan.secrets is None or not found:
        return plan
    decisions = tuple(found.get(each.name, each) for each in plan.secrets.decisions)
    return replace(
        plan,
        secrets=replace(plan.secrets, decisions=decisions),
        warnings=(*plan.warnings, *(f"Secret {each}" for each in found.values())),
    )


def _holder(listed: ListedSecret, users: Mapping[str, UserDecisions]) -> str | None:
    """The living user whose Active key is in it, or on its record."""
    current = {v for v, labels in listed.versions.items() if "AWSCURRENT" in labels}
    return next(
        (
            name
            for name, decided in users.items()
            for key in decided.user.keys
            if key.is_active
            and (version_id_for(key.key_id) in current or f"{KEY_TAG}{key.key_id}" in listed.tags)
        ),
        None,
    )


def _rest(secret: SecretFacts, tag: str) -> object:
    """What of a secret a rotation changes, and reading it."""
    tags = {name: text for name, text in secret.tags.items() if name != tag}
    return tags, secret.versions, secret.current, secret.last_read


def _is_ours(name: str, account: str) -> bool:
    """Whether a secret has a name that Keyturn gives in the account; no proof that it is ours."""
    try:
        return owner_of_secret(name)[0] == account
    except InvalidValue:
        return False


def _is_quiet(decided: UserDecisions) -> bool:
    """Whether the rule has nothing to do for a user, and nothing that it waits for."""
    is_kept = all(
        each.reason is Reason.NOTHING_DUE and not each.overlays for each in decided.decisions
    )
    return is_kept and not decided.record_changes


def _rotates_on(decided: UserDecisions, today: date) -> date | None:
    """The date from which a user's key is rotated next; None: nobody can say."""
    if any(each.action is Action.ROTATE for each in decided.decisions):
        return today
    comes = (each.next for each in decided.decisions)
    return next((each.day for each in comes if each and each.action is Action.ROTATE), None)


def _facts(listed: ListedSecret) -> SecretFacts:
    """What a list tells of a secret: enough to leave it, and never to write to it."""
    current = (v for v, labels in listed.versions.items() if "AWSCURRENT" in labels)
    return SecretFacts(
        tags=listed.tags,
        arn=listed.arn,
        seal=Seal.UNCHECKED,
        versions=frozenset(listed.versions),
        current=next(current, None),
        scheduled_for_deletion=listed.deleted is not None,
        last_read=listed.last_read,
    )


def _left_to_a_person(listed: ListedSecret, left: Leftover) -> SecretDecision:
    """What an earlier user, or one of another name, left: an operator has to say whose it is."""
    return SecretDecision(
        name=listed.name,
        user=left.user,
        step=SecretStep.KEEP,
        sentence=str(left).partition(": ")[2],
        needs_look=True,
        is_scheduled=listed.deleted is not None,
        arn=listed.arn,
    )


def _failed(each: SecretDecision, error: KeyturnError) -> Failure:
    what = {
        SecretStep.SCHEDULE: "could not be scheduled for deletion",
        SecretStep.TAKE_BACK: "could not be taken back from its deletion",
    }.get(each.step, "could not be marked as not needed")
    if each.step is SecretStep.TAKE_BACK:
        what += f": AWS destroys it on {each.lost_on}. By hand: {each.by_hand}"
    return Failure(error=PortError(f"its secret {each.name} {what} ({error})"), user=each.user)
