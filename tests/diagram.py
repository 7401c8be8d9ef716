"""
Draw the states of a key from the rule itself: python -m tests.diagram.

The rule is asked about every mix of the facts below, and what it did is drawn. So the picture
in ARCHITECTURE.md cannot say what the code does not; a test checks that it is current.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Literal

from keyturn.domain.commands import OperatorCommand, decide_command
from keyturn.domain.constraints import RunConstraints
from keyturn.domain.decision import Action, Question, Reason, State, UserDecisions
from keyturn.domain.deferral import Deferral
from keyturn.domain.exemptions_file import Exemption, ExemptionEntry, Standing
from keyturn.domain.key import Receipt, SecretFacts, Unknown, UserFacts
from keyturn.domain.policy import ProofOfNotice, RotationPolicy
from keyturn.domain.record import Intent, KeyRecord
from tests.domain.world import DAY, NOW, SILENCE, Life, a_key, a_secret, ago, ann, look, on, told

PAGE = Path(__file__).parent.parent / "ARCHITECTURE.md"
START, END = "<!-- diagram:start -->\n", "<!-- diagram:end -->\n"

AGES = (5, 80, 120)
LAST_USES = (0, 50)
OTHERS = ("nobody", "delivered", "by hand", "inactive")
RECORDS = (KeyRecord(), KeyRecord(disabled=ago(10)), KeyRecord(restored=ago(5)))
RECEIPTS: tuple[list[Receipt], ...] = (
    [],
    [told(2, disable=8, delete=8)],
    [told(9, disable=2, delete=2)],
    [told(10, disable=0, delete=0)],
)
POLICIES = (RotationPolicy(), RotationPolicy(hold_if_used_within=3, unused_period=30))
HINDRANCES = ("exempt", "forced", "foreign", "under way", "secret", "receipts", "last use")

Step = tuple[State, Action, State]


def lives() -> Iterator[Life]:
    """Every mix of the facts above, orphans, and what hinders everything."""
    grid = product(AGES, LAST_USES, (False, True), OTHERS, RECORDS, RECEIPTS, POLICIES)
    for age, used, inactive, other, record, receipts, policy in grid:
        new = [] if other == "nobody" else [a_key("NEW", age=10, inactive=other == "inactive")]
        life = Life(a_key(age=age, inactive=inactive), *new, policy=policy)
        life.uses["OLD"] = ago(used)
        life.left = {"OLD"}
        life.receipts["OLD"] += receipts
        delivered = ["NEW"] if other == "delivered" else []
        life.secret = a_secret(*delivered, records={"OLD": record})
        yield life
    for stopped, inactive in product((None, ago(0.5), ago(1)), (False, True)):
        life = Life(a_key(age=2, inactive=inactive), a_key("FIRST", age=90))
        life.left = {"OLD"}
        intent = Intent(run="run", at=ago(2), seen=frozenset({"FIRST"}), replaces="FIRST")
        life.secret = a_secret(records={"OLD": KeyRecord(orphan=stopped)}, intent=intent)
        yield life
    for age, hindrance in product((80, 120), HINDRANCES):
        life = Life(a_key(age=age), policy=POLICIES[-1])
        life.exempt = hindrance == "exempt"
        life.forced = NOW if hindrance == "forced" else None
        if hindrance == "foreign":
            life.secret = SecretFacts(tags={})
        if hindrance == "under way":
            intent = Intent(run="run", at=NOW, seen=frozenset({"OLD"}), replaces="OLD")
            life.secret = a_secret(intent=intent)
        life.answers = {hindrance: SILENCE}
        yield life


def elsewhere() -> Iterator[tuple[UserFacts, RunConstraints]]:
    """What other runs, and other users' turns, leave no room for."""
    yield ann(a_key(age=120)), RunConstraints(creation_denied="denied")
    yield ann(a_key(age=120)), RunConstraints(delivery_denied="denied")
    ends = a_key(age=137, told=[told(10, disable=0, delete=10)])
    gone = a_key(age=137, inactive=True, told=[told(10, delete=0)])
    reasons: tuple[Literal[True] | Unknown, ...] = (True, SILENCE)
    for key, on_record in ((ends, KeyRecord()), (gone, KeyRecord(disabled=ago(10)))):
        user = ann(key, a_key("NEW", age=10), secret=a_secret("NEW", records={"OLD": on_record}))
        for why in reasons:
            yield user, RunConstraints(over_limit={"OLD": why})
    found = ann(a_key(age=137, inactive=True), a_key("NEW", age=10), secret=a_secret())
    for why in reasons:
        yield found, RunConstraints(ending_elsewhere={"OLD": why})


def rarer() -> Iterator[tuple[UserFacts, RotationPolicy]]:
    """What no mix of the facts above brings: hands, broken runs, an odd policy."""
    plain, over = RotationPolicy(), [told(10, disable=0, delete=10)]
    yield ann(a_key(age=200)), RotationPolicy(spread_days=30)
    yield (
        ann(a_key(age=200, told=[told(1, step="upcoming-spread")])),
        RotationPolicy(spread_days=30),
    )
    ends = a_key(age=137, told=over)
    by_delivery = RotationPolicy(proof_of_notice=ProofOfNotice.DELIVERED)
    yield ann(ends, a_key("NEW", age=10), secret=a_secret("NEW")), by_delivery
    stopped = a_secret("NEW", records={"OLD": KeyRecord(disabled=ago(10))})
    rests = a_key(age=137, inactive=True, told=over)
    yield ann(rests, a_key("NEW", age=10), secret=stopped), by_delivery
    for on_record in (
        KeyRecord(disabling=ago(1)),
        KeyRecord(restored=ago(1), ordered=ago(1)),
    ):
        secret = a_secret("NEW", records={"OLD": on_record})
        yield ann(ends, a_key("NEW", age=10), secret=secret), plain
    rotated = a_secret("NEW")
    until = Deferral(
        account="1" * 12,
        key_id="OLD",
        until=(NOW + 9 * DAY).date(),
        first=NOW,
        at=ago(0),
        by="ann",
        ticket="T-1",
    )
    for deferral in (until, SILENCE):
        for inactive, secret in ((False, rotated), (True, stopped)):
            for told_now in ([], [told(0, disable=19, delete=29)]):
                key = replace(a_key(age=137, inactive=inactive, told=told_now), deferral=deferral)
                yield ann(key, a_key("NEW", age=10), secret=secret), plain
        yield ann(replace(a_key(age=137), deferral=deferral)), plain
    for standing in (Standing.MISSING, Standing.ENDING):
        entry = ExemptionEntry(
            line=1,
            account="1" * 12,
            user="ann",
            ticket="T-1",
            owner="a@example.com",
            reason="x",
            expiry=(NOW + 9 * DAY).date(),
        )
        found = Exemption(standing=standing, entry=entry if standing is Standing.ENDING else None)
        for told_now in ([], [Receipt(step="exemption-ends", day=on(20), at=ago(0))]):
            user = ann(a_key(age=137, told=told_now))
            yield replace(user, exempt=True, exemption=found), plain
    removal = Receipt(step="exemption-ends-removal", day=on(0), at=ago(14))
    lapsed = replace(ann(a_key(age=137, told=[removal])), exempt=True, otherwise=None)
    missing = Exemption(standing=Standing.MISSING)
    yield replace(lapsed, exemption=missing), replace(plain, end_exemptions=True)
    was_ours = a_secret(records={"NEW": KeyRecord(delivered=ago(10))})
    yield ann(a_key(age=137, used=50), a_key("NEW", age=10), secret=was_ours), plain
    taken = a_secret("NEW", records={"NEW": KeyRecord(delivered=ago(5))})
    for inactive in (True, False):
        new = [a_key("NEW", age=5, inactive=True)] if inactive else []
        yield ann(a_key(age=137, told=over), *new, secret=taken), plain
    intent = Intent(run="run", at=ago(1), seen=frozenset({"FIRST"}), replaces="FIRST")
    yield (
        ann(a_key(age=1), a_key("FIRST", age=90), secret=a_secret(intent=intent), exempt=True),
        plain,
    )
    unknown = a_key(age=1, used=SILENCE)
    yield ann(unknown, a_key("FIRST", age=90), secret=a_secret(intent=intent)), plain


def ordered() -> Iterator[UserDecisions | Question]:
    """What operators order: one Inactive key enabled again, one leaked key revoked."""
    stopped = a_key(age=137, inactive=True)
    secret = a_secret("NEW", records={"OLD": KeyRecord(disabled=ago(1))})
    revoked = a_secret("NEW", records={"OLD": KeyRecord(revoked=ago(1))})
    for action, key, lies in (
        (Action.RESTORE, stopped, secret),
        (Action.REVOKE, a_key(age=20), secret),
        (Action.REVOKE, stopped, revoked),
    ):
        user = ann(key, a_key("NEW", age=10), secret=lies)
        order = OperatorCommand(action=action, key_id="OLD", given=NOW)
        yield decide_command(order, user, RotationPolicy(), NOW)


AFTER = {
    Action.ROTATE: State.ROTATED,
    Action.DISABLE: State.DISABLED,
    Action.REVOKE: State.DISABLED,
    Action.DELETE: State.DELETED,
    Action.RESTORE: State.ROTATED,
}
"""The state that an action leads to, where it is not the one before; of a key beside another."""


@cache
def steps() -> dict[Step, set[Reason]]:
    """From which state to which each action leads, and why."""
    found: dict[Step, set[Reason]] = defaultdict(set)
    all_decided = [look(user, policy).decided for user, policy in rarer()]
    all_decided += [look(user, constraints=held).decided for user, held in elsewhere()]
    for decided in [
        *all_decided,
        *(decided for decided in ordered() if isinstance(decided, UserDecisions)),
    ]:
        for decision in decided.decisions:
            after = AFTER.get(decision.action, decision.state)
            found[decision.state, decision.action, after].add(decision.reason)
    for life in lives():
        made = life.run(0)["OLD"]
        if "OLD" not in life.keys:
            after = State.DELETED
        elif not life.keys["OLD"].is_active:
            after = State.DISABLED
        else:
            old = life.keys["OLD"]
            replaced = any(key.is_active and key.order > old.order for key in life.keys.values())
            after = State.ROTATED if replaced else State.ACTIVE
        found[made.state, made.action, after].add(made.reason)
    return found


def diagram() -> str:
    """Draw the steps, as Mermaid."""

    def place(item: tuple[Step, set[Reason]]) -> tuple[int, int, int]:
        (before, action, after), _ = item
        order, acts = list(State), list(Action)
        return order.index(before), order.index(after), acts.index(action)

    arrows = [
        f"    {before} --> {after}: {action}<br>{'<br>'.join(sorted(reasons))}\n"
        for (before, action, after), reasons in sorted(steps().items(), key=place)
    ]
    ends = "    [*] --> ACTIVE\n", "    DELETED --> [*]\n"
    return f"```mermaid\nstateDiagram-v2\n{ends[0]}{''.join(arrows)}{ends[1]}```\n"


def page_with(drawing: str, page: str, marks: tuple[str, str] = (START, END)) -> str:
    """The page with the drawing between its markers."""
    start, end = marks
    before, rest = page.split(start)
    _, after = rest.split(end)
    return f"{before}{start}{drawing}{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with(diagram(), PAGE.read_text("utf-8")), "utf-8")
