"""
Every notice as runs make them, for a key that is made up: what previews show, and lints try.

No test's own: `keyturn notices preview` and `lint` go over all of it.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from keyturn.domain.decision import Action, Next, Notice, NoticeType, Overlay, Reason, State
from keyturn.domain.events import Audience, Digest, NoticeItem, OddValues, Run
from keyturn.domain.exemption import ExemptionChange, GroupChange
from keyturn.domain.key import Account, Act, LastUse
from keyturn.domain.key_usage import Fetched, KeyUsage, Trail, caller
from keyturn.domain.owner import OwnerSource
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.secret_names import secret_name

ADMIN = "aws-admins@example.com"
BUCKET = "a-bucket"
REGION = "eu-central-1"
"""Of the bucket."""
PROD = Account(id="222222222222", name="prod-workload", email="prod@example.com")
TODAY = datetime(2027, 3, 1, 4, 2, 9, tzinfo=UTC)
DISABLE_ON = date(2027, 3, 11)
DELETE_ON = date(2027, 3, 21)
NEW_KEY = "AKIANEWEXAMPLE000002"

USED = LastUse(at=TODAY - timedelta(hours=11), service="s3", region="eu-central-1")
UNUSED = LastUse(at=None)
IN_USE = KeyUsage(old=USED)
"""Of a key without a new one, or with one that was made just now."""
LEFT_BEHIND = KeyUsage(old=USED, new=UNUSED, fetched=Fetched(None))
MOVED = KeyUsage(
    old=LastUse(at=TODAY - timedelta(days=6), service="s3", region="eu-central-1"),
    new=USED,
    fetched=Fetched(TODAY.date() - timedelta(days=6)),
)
BOTH = {Act.DISABLE: DISABLE_ON, Act.DELETE: DELETE_ON}


def in_days(days: int) -> date:
    """So many days after the sample's day."""
    return TODAY.date() + timedelta(days=days)


def an_item(  # noqa: C901, PLR0911, PLR0912 -- a case for each thing that is told
    told: NoticeType = NoticeType.ROTATED, user: str = "deploy-bot", key: int = 1
) -> NoticeItem:
    """What a run says of a key when it tells this."""
    item = NoticeItem(
        user=user,
        key_id=f"AKIAOLDEXAMPLE{key:06}",
        age=90,
        state=State.ROTATED,
        overlays=frozenset(),
        action=Action.ROTATE,
        reason=Reason.ROTATION_DUE,
        sentence="it is 90 days old (RotationPeriod=90)",
        notice=Notice(type=NoticeType.ROTATED, day=DISABLE_ON, promises=BOTH),
        next=Next(Action.DISABLE, DISABLE_ON),
        successor=NEW_KEY,
        secret=secret_name(PROD.id, user),
        usage=IN_USE,
        named_by=OwnerSource.TAG,
    )
    alone = replace(item, successor=None, secret=None)
    match told:
        case NoticeType.ROTATED:
            return item
        case NoticeType.RETIRING:
            return replace(
                alone,
                age=900,
                action=Action.NOTICE,
                reason=Reason.DATES_NOT_NOTICED,
                sentence=f"it was replaced by {NEW_KEY}",
                successor=NEW_KEY,
                notice=Notice(type=told, day=DISABLE_ON, promises=BOTH),
            )
        case NoticeType.BEFORE_DISABLE:
            day = in_days(3)
            return replace(
                item,
                age=97,
                action=Action.WARN,
                reason=Reason.DISABLING_AHEAD,
                sentence=f"it was replaced by {NEW_KEY}; it works until {day}",
                notice=Notice(type=told, day=day, promises={Act.DISABLE: day}),
                next=Next(Action.DISABLE, day),
                usage=LEFT_BEHIND,
            )
        case NoticeType.DISABLED:
            return replace(
                item,
                age=100,
                state=State.DISABLED,
                action=Action.DISABLE,
                reason=Reason.WINDOW_OVER,
                usage=MOVED,
                sentence=f"it was replaced by {NEW_KEY}, and its end was announced for 2027-03-01",
                notice=Notice(type=told, day=DISABLE_ON, promises={Act.DELETE: DISABLE_ON}),
                next=Next(Action.DELETE, DISABLE_ON),
            )
        case NoticeType.BEFORE_DELETE:
            day = in_days(3)
            return replace(
                item,
                age=107,
                state=State.DISABLED,
                action=Action.WARN,
                reason=Reason.DELETION_AHEAD,
                usage=MOVED,
                sentence="it has been Inactive since 2027-02-22 "
                f"and can be re-enabled until {day}",
                notice=Notice(type=told, day=day, promises={Act.DELETE: day}),
                next=Next(Action.DELETE, day),
            )
        case NoticeType.DELETING:
            return replace(
                alone,
                age=412,
                state=State.DISABLED,
                action=Action.NOTICE,
                reason=Reason.FOUND_INACTIVE,
                usage=KeyUsage(old=UNUSED),
                sentence="it was found Inactive; its grace begins now",
                notice=Notice(type=told, day=DISABLE_ON, promises={Act.DELETE: DISABLE_ON}),
                next=Next(Action.DELETE, DISABLE_ON),
            )
        case NoticeType.GRACE_RENEWED:
            return replace(
                item,
                age=110,
                state=State.DISABLED,
                action=Action.NOTICE,
                reason=Reason.USED_AFTER_DISABLING,
                sentence="it was used after it had been disabled, so its grace begins anew",
                notice=Notice(type=told, day=DISABLE_ON, promises={Act.DELETE: DISABLE_ON}),
                next=Next(Action.DELETE, DISABLE_ON),
            )
        case NoticeType.DELETED:
            return replace(
                item,
                age=110,
                state=State.DISABLED,
                action=Action.DELETE,
                reason=Reason.GRACE_OVER,
                usage=KeyUsage(new=USED, fetched=MOVED.fetched),
                sentence="it is Inactive since 2027-02-19, "
                "its deletion was announced for 2027-03-01",
                notice=Notice(type=told, day=TODAY.date()),
                next=None,
            )
        case NoticeType.UPCOMING:
            day = in_days(14)
            return replace(
                alone,
                age=76,
                state=State.ACTIVE,
                action=Action.WARN,
                reason=Reason.ROTATION_AHEAD,
                sentence=f"it is 76 days old and will be rotated on {day}",
                notice=Notice(type=told, day=day, variant="14"),
                next=Next(Action.ROTATE, day),
            )
        case NoticeType.EXEMPTION_ENDS:
            return replace(
                alone,
                age=412,
                state=State.ACTIVE,
                overlays=frozenset({Overlay.EXEMPT}),
                action=Action.NOTICE,
                reason=Reason.EXEMPTION_ENDING,
                sentence="its user is exempt until 2027-03-15 (SEC-1234); "
                "erp@example.com answers for that",
                notice=Notice(type=told, day=in_days(14)),
                next=None,
            )
        case NoticeType.EXEMPTION_OVER:
            return replace(
                alone,
                age=426,
                state=State.ACTIVE,
                overlays=frozenset({Overlay.EXEMPT}),
                action=Action.END_EXEMPTION,
                reason=Reason.EXEMPTION_OVER,
                sentence="its user is exempt, and its exemption ended on 2027-03-01 (SEC-1234); "
                "its owner was notified on 2027-02-15, so it is removed from the group "
                "(EndExemptions=true)",
                notice=Notice(type=told, day=TODAY.date()),
                next=None,
            )
        case NoticeType.DEFERRED:
            return replace(
                item,
                age=93,
                overlays=frozenset({Overlay.DEFERRED}),
                action=Action.NOTICE,
                reason=Reason.DEFERRED,
                sentence="an operator gave it more time, until 2027-03-15 (SEC-1234)",
                notice=Notice(
                    type=told,
                    day=in_days(24),
                    promises={Act.DISABLE: in_days(24), Act.DELETE: in_days(34)},
                ),
                next=Next(Action.DISABLE, in_days(24)),
            )
        case NoticeType.RESTORED:
            return replace(
                item,
                age=103,
                overlays=frozenset({Overlay.RESTORED}),
                action=Action.NOTICE,
                reason=Reason.RESTORED,
                sentence="it was re-enabled by hand and is left alone until 2027-03-11",
                notice=Notice(type=told, day=TODAY.date()),
                next=Next(Action.NOTICE, DISABLE_ON),
            )
        case NoticeType.BLOCKED:
            return replace(
                alone,
                age=137,
                state=State.ACTIVE,
                overlays=frozenset({Overlay.BLOCKED}),
                action=Action.WAIT,
                reason=Reason.TWO_KEYS_IN_USE,
                sentence="its user has two Active keys and this one is in use: "
                "last used on 2027-02-28 (s3 in eu-central-1)",
                notice=Notice(type=told, day=TODAY.date(), variant=Reason.TWO_KEYS_IN_USE),
                next=Next(Action.NOTICE, DISABLE_ON),
            )
        case NoticeType.OVERWRITTEN:
            return replace(
                item,
                age=31,
                state=State.ACTIVE,
                action=Action.NOTICE,
                reason=Reason.SECRET_OVERWRITTEN,
                sentence="the secret that Keyturn delivered for it "
                "was overwritten or deleted by hand",
                notice=Notice(type=told, day=TODAY.date()),
                next=Next(Action.ROTATE, in_days(59)),
                successor=None,
            )
        case NoticeType.REVOKED:
            return replace(
                item,
                age=12,
                state=State.ACTIVE,
                overlays=frozenset({Overlay.REVOKED}),
                action=Action.REVOKE,
                reason=Reason.LEAKED,
                sentence="an operator revoked it as leaked; a new key is made and delivered",
                notice=Notice(type=told, day=DISABLE_ON, promises={Act.DELETE: DISABLE_ON}),
                next=Next(Action.DELETE, DISABLE_ON),
            )
        case NoticeType.ORPHAN:
            return replace(
                alone,
                age=0,
                state=State.ACTIVE,
                action=Action.REPAIR,
                reason=Reason.ORPHAN_FOUND,
                usage=KeyUsage(),
                sentence="a rotation broke off before the secret of this key was stored: "
                "nobody has it",
                notice=Notice(type=told, day=TODAY.date()),
                next=Next(Action.REPAIR, in_days(1)),
            )


def a_run(*, dry_run: bool = False) -> Run:
    """The run that the notices are of."""
    return Run(id="2027-03-01-1", account=PROD, at=TODAY, dry_run=dry_run)


def a_digest(
    *items: NoticeItem, audience: Audience = Audience.OWNER, dry_run: bool = False
) -> Digest:
    """One mail about these keys, to an owner, or to the admin as a copy."""
    owner = audience is Audience.OWNER
    return Digest(
        run=a_run(dry_run=dry_run),
        audience=audience,
        recipient=Recipient(ChannelName.EMAIL, "dev@example.com" if owner else ADMIN),
        region="eu-central-1",
        items=items,
        proves=owner,
    )


def blocked(reason: Reason, sentence: str, next_step: Next, **about: object) -> NoticeItem:
    """What a run says of a key that waits for this."""
    return replace(
        an_item(NoticeType.BLOCKED),
        reason=reason,
        sentence=sentence,
        notice=Notice(type=NoticeType.BLOCKED, day=TODAY.date(), variant=reason),
        next=next_step,
        **about,  # type: ignore[arg-type]  # as NoticeItem names them
    )


TOMORROW = Next(Action.WAIT, in_days(1))
OBSTACLES = (
    Reason.TWO_KEYS_IN_USE,
    Reason.SLOT_TAKEN,
    Reason.SUCCESSOR_TAKEN_AWAY,
    Reason.CREATION_DENIED,
    Reason.DELIVERY_FAILING,
    Reason.HELD,
    Reason.SECRET_FOREIGN,
    Reason.OVER_CAP,
    Reason.NO_NOTIFIER,
    Reason.OWNER_UNKNOWN,
    Reason.RUN_UNDER_WAY,
    Reason.ORPHAN_WAITING,
    Reason.RECORD_UNREADABLE,
    Reason.RECEIPTS_UNREADABLE,
    Reason.LAST_USE_UNKNOWN,
    Reason.TALLY_UNREADABLE,
)
"""All reasons with which a key waits, also those of which nobody is sent a notice today."""
SLOT_TAKEN = blocked(
    Reason.SLOT_TAKEN,
    f"its user has a second key, {NEW_KEY}, and IAM allows two; "
    f"the slot comes free from {DELETE_ON}",
    Next(Action.ROTATE, DELETE_ON),
)
HELD = blocked(
    Reason.HELD,
    "it is still in use: last on 2027-02-28; held until 2027-03-31 at most",
    Next(Action.DISABLE, in_days(3)),
    successor=NEW_KEY,
)
TAKEN = blocked(
    Reason.SUCCESSOR_TAKEN_AWAY,
    f"its successor {NEW_KEY} was made Inactive or deleted, and not by Keyturn; "
    "its end was announced for 2027-02-26 at first; that has happened 2 times by now",
    Next(Action.WAIT, in_days(1)),
    overlays=frozenset({Overlay.BLOCKED, Overlay.CONTESTED}),
)
MADE_ANEW = replace(
    an_item(),
    reason=Reason.SUCCESSOR_TAKEN_AWAY,
    sentence="it is 91 days old (RotationPeriod=90); its successor AKIANEWEXAMPLE000001 "
    "was made Inactive or deleted, and not by Keyturn",
)
RESTORED_AGAIN = replace(
    an_item(NoticeType.RESTORED),
    sentence="it was re-enabled by hand and is left alone until 2027-03-11; "
    "that has happened 3 times by now",
    overlays=frozenset({Overlay.RESTORED, Overlay.CONTESTED}),
)
INTERRUPTED = replace(
    an_item(NoticeType.RETIRING),
    age=101,
    reason=Reason.DISABLING_INTERRUPTED,
    sentence=f"Keyturn was interrupted while disabling this key; it works until {in_days(3)}",
    secret=secret_name(PROD.id, "deploy-bot"),
    notice=Notice(
        type=NoticeType.RETIRING,
        day=in_days(3),
        promises={Act.DISABLE: in_days(3), Act.DELETE: in_days(13)},
    ),
    next=Next(Action.DISABLE, in_days(3)),
)
RESTORED_BY_COMMAND = replace(
    an_item(NoticeType.RESTORED),
    reason=Reason.RESTORED_BY_COMMAND,
    sentence="it was re-enabled by an operator's command and is left alone until 2027-03-11",
)
REMOVED_SOON = replace(
    an_item(NoticeType.EXEMPTION_ENDS),
    reason=Reason.EXEMPTION_LAPSED,
    sentence="its user is exempt, and the exemptions file has no entry for it",
    notice=Notice(type=NoticeType.EXEMPTION_ENDS, day=in_days(14), variant="removal"),
    next=Next(Action.END_EXEMPTION, in_days(14)),
)
CREATION_DENIED = blocked(
    Reason.CREATION_DENIED,
    "the account forbids new access keys (CreateAccessKey: AccessDenied: User: "
    "arn:aws:sts::222222222222:assumed-role/asa-iam-key-auto-rotation/keyturn is not authorized "
    "to perform: iam:CreateAccessKey with an explicit deny in a service control policy)",
    Next(Action.WAIT, in_days(1)),
)
DELIVERY_FAILING = blocked(
    Reason.DELIVERY_FAILING,
    "3 rotations in a row made a key that could not be delivered; "
    f"it is tried again on {in_days(7)}",
    Next(Action.WAIT, in_days(7)),
)
SEVERAL = (
    an_item(NoticeType.UPCOMING, user="reports", key=3),
    an_item(NoticeType.ROTATED, user="backup,eu", key=2),
    an_item(NoticeType.BEFORE_DISABLE, key=1),
)
MANY = (
    *SEVERAL,
    an_item(NoticeType.DISABLED, user="etl-nightly", key=4),
    an_item(NoticeType.ROTATED, user="ci-runner", key=5),
    an_item(NoticeType.BLOCKED, user="terraform", key=6),
)
SEEN = replace(
    an_item(NoticeType.BEFORE_DISABLE),
    usage=replace(
        LEFT_BEHIND,
        trail=Trail(
            callers=(
                caller(
                    "2001:db8:85a3:8d3:1319:8a2e:370:7348",
                    "aws-cli/2.15.30 md/awscrt#0.19.19 ua/2.0 os/linux#5.15.0-1052-aws",
                    "secretsmanager.amazonaws.com",
                ),
                caller(
                    "203.0.113.17", "Boto3/1.34.51 [see www.evil.example]", "sts.amazonaws.com"
                ),
                caller("config.amazonaws.com", "<b>x</b>", "iam.amazonaws.com"),
            ),
            unread=True,
        ),
    ),
)
UNSEEN = replace(an_item(user="etl-nightly", key=4), usage=replace(IN_USE, trail=Trail()))
UNREAD = replace(an_item(user="ci-runner", key=5), usage=replace(IN_USE, trail=Trail(unread=True)))
FAILURES = (
    "User anna: GetAccessKeyLastUsed: Throttling: Rate exceeded",
    "User <b>x</b>,: PutSecretValue: AccessDeniedException: no access to the KMS key",
)
_ODD = (
    'terraform: the user\'s tag says "Payments", which is no e-mail address; notified instead: '
    "ann@example.com (the owners file)"
)
ODD = OddValues(count=21, first=(_ODD,))
SCENES = {
    "rotated": a_digest(an_item()),
    "several": a_digest(*SEVERAL),
    "seen-by-cloudtrail": a_digest(SEEN, UNSEEN, UNREAD),
    "disabled": a_digest(an_item(NoticeType.DISABLED)),
    "revoked": a_digest(an_item(NoticeType.REVOKED)),
    "slot-taken": a_digest(SLOT_TAKEN),
    "held": a_digest(HELD),
    "successor-taken-away": a_digest(TAKEN),
    "made-anew": a_digest(MADE_ANEW),
    "restored-again": a_digest(RESTORED_AGAIN),
    "disabling-interrupted": a_digest(INTERRUPTED),
    "restored-by-command": a_digest(RESTORED_BY_COMMAND),
    "dry-run-restored-by-command": a_digest(
        replace(
            RESTORED_BY_COMMAND,
            state=State.DISABLED,
            reason=Reason.FORCED,
            sentence="restored by order; it is left alone until 2027-03-11",
        ),
        dry_run=True,
    ),
    "exemption-ends": a_digest(an_item(NoticeType.EXEMPTION_ENDS)),
    "exemption-ends-by-removal": a_digest(REMOVED_SOON),
    "exemption-over": a_digest(an_item(NoticeType.EXEMPTION_OVER)),
    "more-time": a_digest(an_item(NoticeType.DEFERRED)),
    "creation-denied": a_digest(CREATION_DENIED),
    "delivery-failing": a_digest(DELIVERY_FAILING),
    "admin-no-new-keys": a_digest(CREATION_DENIED, DELIVERY_FAILING, audience=Audience.ADMIN),
    "admin-against-the-end": replace(
        a_digest(TAKEN, RESTORED_AGAIN, audience=Audience.ADMIN), proves=False
    ),
    "odd-name": a_digest(an_item(user="<b>x</b>,")),
    "dry-run": a_digest(*SEVERAL, dry_run=True),
    "dry-run-revoked": a_digest(
        replace(an_item(NoticeType.REVOKED), successor=None, secret=None), dry_run=True
    ),
    "dry-run-revoked-beside-another": a_digest(an_item(NoticeType.REVOKED), dry_run=True),
    "admin": replace(a_digest(*MANY, audience=Audience.ADMIN), failures=FAILURES, odd=ODD),
    "admin-instead-of-owner": replace(
        a_digest(an_item(NoticeType.RETIRING), audience=Audience.ADMIN), proves=True
    ),
    "admin-dry-run": a_digest(*MANY, audience=Audience.ADMIN, dry_run=True),
    "admin-failures": replace(a_digest(audience=Audience.ADMIN), failures=FAILURES[:1]),
}


OF_A_USER = {GroupChange.ADDED, GroupChange.REMOVED, GroupChange.FOUND}
OF_A_POLICY = {GroupChange.POLICY, GroupChange.POLICY_REMOVED}
RENAMED = {GroupChange.RENAMED_TO, GroupChange.RENAMED_FROM}
CHANGES = {
    f"exemption-{change}": ExemptionChange(
        id="0f5b3c1e-2a7d-4b8e-9c61-4d2f8a7e1b30",
        account=PROD.id,
        group="IAMKeyRotationExemptionGroup",
        change=change,
        user="deploy-bot" if change in OF_A_USER else None,
        policy="AllowAll" if change in OF_A_POLICY else None,
        other_group="developers" if change in RENAMED else None,
        by="arn:aws:sts::222222222222:assumed-role/"
        "AWSReservedSSO_AdministratorAccess_0123456789abcdef/jane.doe@example.com",
        at=TODAY,
    )
    for change in GroupChange
}


def every_mail() -> dict[str, Digest]:
    """Scene → digest: all that can be sent, to each audience, for real and in dry run."""
    return (
        SCENES
        | {
            f"{told}-{audience}{'-dry' if dry else ''}": a_digest(
                an_item(told), audience=audience, dry_run=dry
            )
            for told in NoticeType
            for audience in Audience
            for dry in (False, True)
        }
        | {
            f"blocked-{reason}-{audience}{'-dry' if dry else ''}": a_digest(
                blocked(reason, "for a reason", TOMORROW), audience=audience, dry_run=dry
            )
            for reason in OBSTACLES
            for audience in Audience
            for dry in (False, True)
        }
    )
