"""
`keyturn rehearse`: the life of a key, and AWS's own behaviour, on the operator's own AWS.

Whatever happens, it ends with a clean-up: after a step that came out differently, after Ctrl-C,
and, where not even that came, by `keyturn rehearse --clean`.
"""

import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from shlex import quote
from typing import Final

from keyturn.cli.beside import Level, say
from keyturn.cli.configured import CONFIGURED, Configured
from keyturn.cli.consoles import make_console
from keyturn.cli.deployed import deployed_settings
from keyturn.cli.exit_codes import FAILED, INTERRUPTED
from keyturn.cli.given import as_given, given
from keyturn.cli.identifiers import check_role
from keyturn.cli.local_run import now
from keyturn.cli.options import Findings
from keyturn.cli.own_credentials import open_session
from keyturn.cli.rehearse_before import Before
from keyturn.cli.rehearse_engine import DeployedEngine, LaptopEngine
from keyturn.cli.rehearse_options import (
    RehearseOutput,
    RehearseSettings,
    RehearseWhat,
    RehearseWhere,
)
from keyturn.cli.rehearse_permissions import show_permissions
from keyturn.cli.rehearse_report import Rehearsed, as_json, print_rehearsed
from keyturn.cli.result_file import result_file
from keyturn.cli.session import confirm
from keyturn.cli.streams import can_ask
from keyturn.cli.termination import ended_as_interrupted
from keyturn.deployment.model.resources import ROTATION
from keyturn.domain.amounts import pluralize
from keyturn.domain.errors import InvalidValue
from keyturn.domain.key import Account
from keyturn.domain.names import MAILABLE
from keyturn.rehearsal.clean_up import USER, Cleaned, CleanUp
from keyturn.rehearsal.guarding import Guard
from keyturn.rehearsal.model.cost import BELOW
from keyturn.rehearsal.model.guard import Allowed
from keyturn.rehearsal.model.own import (
    BY_TAG,
    EXPIRES_TAG,
    Marks,
    RehearsalId,
    is_anothers_work,
)
from keyturn.rehearsal.model.redaction import Redaction
from keyturn.rehearsal.ports import Engine
from keyturn.rehearsal.probes.catalogue import PROBES
from keyturn.rehearsal.probes.outcome import try_all
from keyturn.rehearsal.probes.probe import Probe
from keyturn.rehearsal.story import STEPS, Scene, Step, chosen, play
from keyturn.rehearsal.wiring import RehearsalAws
from keyturn.settings import Settings

TO_NOBODY: Final = "success@simulator.amazonses.com"
"""
SES's mailbox simulator: it takes a mail and drops it, also in SES's sandbox.

https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
"""
CLEAN: Final = "keyturn rehearse --clean"
_NEEDED: Final = " to rehearse from here (or --deployed, to rehearse with the deployed functions)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for, checked before anything is asked of AWS."""

    where: RehearseWhere
    told: RehearseSettings
    settings: Settings
    id: RehearsalId
    steps: Sequence[Step]
    probes: Sequence[Probe]
    output: RehearseOutput
    asks: bool

    @property
    def mail_to(self) -> str:
        """Where the notices go."""
        return self.told.mail_to or TO_NOBODY

    @property
    def bucket(self) -> str | None:
        """Where objects of the rehearsal's own go; with deployed functions there are none."""
        return None if self.where.deployed else self.settings.bucket or None


def rehearse(
    where: RehearseWhere, told: RehearseSettings, what: RehearseWhat, output: RehearseOutput
) -> int:
    """Carry the command out; the exit code."""
    _check(where, told, what, output)
    if what.permissions:
        return show_permissions(where, told, output, with_probes=not what.story)
    if what.clean:
        return _clean_all(where, told, asks=not what.yes, with_probes=not what.story)
    asked = _asked(where, told, what, output)
    if output.report is None:
        return _rehearse(asked, None)
    with result_file(output.report, option="--report") as put:
        return _rehearse(asked, put)


# --- what was asked for -------------------------------------------------------------------


def _check(
    where: RehearseWhere, told: RehearseSettings, what: RehearseWhat, output: RehearseOutput
) -> None:
    """Refuse what contradicts itself, or is not what it should be."""
    given(where, told, what, output)  # refuses what is empty
    if where.account is not None:
        Account(id=where.account)
    check_role(where.role_name)
    check_role(where.reader_role, "--reader-role")
    if where.role_name is not None and where.account is None:
        raise InvalidValue("--account", "", "is needed with --role-name: exactly one account")
    if told.mail_to is not None and not MAILABLE.fullmatch(told.mail_to):
        raise InvalidValue("--mail-to", told.mail_to, "must be one e-mail address")
    alone = "--clean" if what.clean else "--permissions" if what.permissions else None
    beside: tuple[tuple[str, object], ...] = (
        ("--permissions", what.permissions),
        ("--only", what.only),
        ("--probes", what.probes and what.clean),
        ("--report", output.report),
        ("--with-account-ids", output.with_account_ids),
        ("--format json", what.clean and _is_json_typed(output)),
    )
    for option, value in beside:
        if alone and value and option != alone:
            raise InvalidValue(alone, "", f"goes without {option}")
    if where.deployed:
        for option, value in (
            ("--bucket", None if what.clean else told.bucket),
            ("--admin", told.admin),
            ("--mail-region", told.mail_region),
            ("--seal-key", told.seal_key),
            ("--secrets-kms-key", told.secrets_kms_key),
            ("--exemption-group", told.exemption_group),
        ):
            if value is not None:
                raise InvalidValue(option, value, "goes without --deployed, which takes theirs")
    if not what.yes and not what.permissions and not can_ask():
        raise InvalidValue("--yes", "", "is needed where there is no terminal to ask on")


def _is_json_typed(output: RehearseOutput) -> bool:
    """Whether JSON is asked for by this command itself, and not by a file for all commands."""
    is_typed = "format" not in CONFIGURED.get(Configured()).untyped
    return output.format is Findings.JSON and is_typed


def _asked(
    where: RehearseWhere, told: RehearseSettings, what: RehearseWhat, output: RehearseOutput
) -> Asked:
    steps, probes = _chosen(what)
    rehearsal = RehearsalId(secrets.token_hex(4))
    own = {**given(where, told), "S3BucketPrefix": rehearsal.folder}
    if where.deployed:
        settings = deployed_settings(where.profile, where.region, {})
    else:
        try:
            settings = Settings.read(own)
        except InvalidValue as error:
            raise as_given(error, own, "the default") from None
        if steps:
            _refuse_without(settings)
    return Asked(
        where=where,
        told=told,
        settings=settings,
        id=rehearsal,
        steps=steps,
        probes=probes,
        output=output,
        asks=not what.yes,
    )


def _chosen(what: RehearseWhat) -> tuple[Sequence[Step], Sequence[Probe]]:
    """The steps and the probes. Raises InvalidValue for a name that none of them has."""
    both = what.story == what.probes
    steps = STEPS if both or what.story else ()
    probes = PROBES if both or what.probes else ()
    if not what.only:
        return steps, probes
    known = [*(each.name for each in steps), *(each.name for each in probes)]
    for name in what.only:
        if name not in known:
            raise InvalidValue("--only", name, f"must be one of {', '.join(known)}")
    of_story = [each.name for each in steps if each.name in what.only]
    return (
        chosen(of_story) if of_story else (),
        [each for each in probes if each.name in what.only],
    )


def _refuse_without(settings: Settings) -> None:
    """Raises InvalidValue, which names each option that the engine needs and that is missing."""
    wanted = {
        "--bucket": settings.bucket,
        "--admin": settings.admin,
        "--seal-key": settings.seal_key,
    }
    missing = [option for option, value in wanted.items() if not value]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise InvalidValue(", ".join(missing), "", f"{are} needed{_NEEDED}")


# --- the rehearsal ------------------------------------------------------------------------


def _connect(where: RehearseWhere, guard: Guard) -> RehearsalAws:
    session = open_session(where.profile, where.region)
    aws = RehearsalAws.of(
        session,
        guard,
        account=where.account,
        role=where.role_name,
        external_id=where.external_id,
    )
    if where.role_name is None and aws.account != aws.own_account:
        rule = f"without --role-name it must be your own account, {aws.own_account}"
        raise InvalidValue("--account", aws.account, rule)
    return aws


def _rehearse(asked: Asked, put: Callable[[str], None] | None) -> int:
    """Ask, play, clean up, answer."""
    guard = Guard(
        Allowed(
            ids=frozenset({asked.id}),
            bucket=asked.bucket,
            folders=frozenset({asked.id.folder}),
            addresses=frozenset({asked.mail_to, asked.settings.admin})
            if asked.steps
            else frozenset(),
            function=ROTATION if asked.where.deployed and asked.steps else None,
        )
    )
    aws = _connect(asked.where, guard)
    guard.allowed = replace(guard.allowed, account=aws.account)
    marks = Marks.of(
        asked.id, by=aws.stage().caller(), now=now(), region=aws.region, bucket=asked.bucket
    )
    guard.stamp(marks.tags())
    before = Before(
        aws=aws,
        settings=asked.settings,
        bucket=asked.bucket,
        deployed=asked.where.deployed,
        with_steps=bool(asked.steps),
    )
    before.look()
    if asked.asks:
        confirm(_question(asked, aws))
    rehearsed = Rehearsed(
        id=asked.id,
        at=now(),
        engine="deployed" if asked.where.deployed else "here",
        region=aws.region,
    )
    with ended_as_interrupted():
        _try(asked, aws, marks, rehearsed)
    return _answered(rehearsed, asked, put)


def _findings(asked: Asked, aws: RehearsalAws, marks: Marks, rehearsed: Rehearsed) -> None:
    """Play the story and try the probes; what is found is in `rehearsed` as soon as it is."""
    if asked.steps:
        rehearsed.steps.extend(play(_scene(asked, aws, marks), asked.steps))
    if asked.probes:
        bench = aws.bench(
            marks,
            bucket=asked.bucket,
            seal_key=asked.settings.seal_key or None,
            clock=now,
            seconds=time.monotonic,
            sleep=time.sleep,
        )
        found = try_all(asked.probes, bench, lambda: aws.guard.calls, _progress)
        rehearsed.probes.extend(found)


def _scene(asked: Asked, aws: RehearsalAws, marks: Marks) -> Scene:
    return Scene(
        id=asked.id,
        marks=marks,
        stage=aws.stage(),
        engine=_engine(asked, aws, marks.by),
        reader=aws.reader(asked.where.reader_role),
        key_holder=aws.key_holder(),
        sleep=time.sleep,
        timer=time.monotonic,
        calls=lambda: aws.guard.calls,
        owns=aws.guard.owns,
        say=_progress,
        mail_to=asked.told.mail_to,
    )


def _try(asked: Asked, aws: RehearsalAws, marks: Marks, rehearsed: Rehearsed) -> None:
    """Try what was asked for, and clean up whatever happens."""
    began, fault = time.monotonic(), None
    try:
        _findings(asked, aws, marks, rehearsed)
    except KeyboardInterrupt:
        rehearsed.is_interrupted = True
        _warn("Interrupted: cleaning up. Another Ctrl-C leaves what is there.")
    except Exception as error:  # noqa: BLE001 -- raised again behind the clean-up
        fault = error
    clean_up = CleanUp(
        kinds=aws.leftovers(
            asked.bucket, with_probes=bool(asked.probes), own=frozenset({asked.id})
        ),
        bucket=asked.bucket,
        region=aws.region,
        sleep=time.sleep,
        say=_progress,
        disarm=aws.disarm,
        made=aws.guard.made,
    )
    try:
        rehearsed.cleaned = clean_up.of({asked.id})
    except KeyboardInterrupt:
        # What was found is told all the same.
        rehearsed.is_interrupted = True
        rehearsed.cleaned.unseen.append(("anything", "the clean-up was interrupted"))
        _warn("Interrupted again: something may be left.")
    finally:
        rehearsed.seconds, rehearsed.calls = time.monotonic() - began, aws.guard.calls
        rehearsed.refused = tuple(aws.guard.refused)
        rehearsed.is_made = any(aws.guard.made().values())
    if fault is not None:
        raise fault


def _engine(asked: Asked, aws: RehearsalAws, by: str) -> Engine:
    account = Account(id=aws.account, email=asked.mail_to)
    if asked.where.deployed:
        return DeployedEngine(
            session=aws.own,
            settings=asked.settings,
            # Without an address of the operator's it is as the deployment has it.
            account=Account(id=aws.account, email=asked.told.mail_to or ""),
            own_account=aws.own_account,
            guard=aws.guard,
            by=by,
        )
    settings = replace(
        asked.settings,
        home_region=aws.region,
        member_role=asked.where.role_name or "",
        parallel_users=1,  # in one thread, so that an interruption ends it where it is
    )
    return LaptopEngine(
        session=aws.own,
        settings=settings,
        account=account,
        own_account=aws.own_account,
        guard=aws.guard,
        say=_say,
    )


def _question(asked: Asked, aws: RehearsalAws) -> str:
    """What will be made, where, and what it costs."""
    lines = [
        f"In account {aws.account}, {aws.region}, this makes for some minutes:",
        *(_MADE_BY_STORY if asked.steps else ()),
        *(_MADE_BY_PROBES if asked.probes else ()),
        f"All names begin with {asked.id.name()}.",
    ]
    if asked.bucket:
        lines += [f"It writes below s3://{asked.bucket}/{asked.id.folder}/."]
    if asked.steps and asked.where.deployed:
        lines += [
            f"Three orders go to {ROTATION}; its notices go to the administrators, too.",
            "Receipts and audit entries of it stay in the deployment's bucket.",
        ]
    elif asked.steps:
        lines += [f"Mails go to {asked.mail_to}, from {asked.settings.admin}, and to nobody else."]
    lines += [
        f"All of it is removed at the end, or by {CLEAN}. It costs below ${BELOW}.",
    ]
    return "\n".join(lines)


_MADE_BY_STORY: Final = (
    "  at most three IAM users and a group, without any right, with at most two access keys",
    "  and one secret in Secrets Manager for each user.",
)
_MADE_BY_PROBES: Final = (
    "  For the probes at most 30 IAM users and a group, without any right, with at most two",
    "  access keys each, 21 secrets with made-up values, four queues and two event buses.",
)


def _answered(rehearsed: Rehearsed, asked: Asked, put: Callable[[str], None] | None) -> int:
    redaction = None if asked.output.with_account_ids else Redaction(_named(asked))
    if asked.output.format is Findings.JSON:
        sys.stdout.write(as_json(rehearsed, redaction))
    else:
        print_rehearsed(make_console(highlight=False), rehearsed, redaction)
    _say_others(rehearsed.cleaned)
    for found, why in rehearsed.cleaned.left:
        if found.not_ours is not None:  # others' words: the answer leaves them out
            _warn(f"left: {found.kind} {found.name}: {why}")
    if put is not None:
        put(as_json(rehearsed, redaction))
    if rehearsed.is_something_left:
        _warn(_how_to_clean(asked, rehearsed.region))
    if rehearsed.is_interrupted:
        return INTERRUPTED
    return 0 if rehearsed.is_as_expected else FAILED


def _named(asked: Asked) -> dict[str, str]:
    """What the operator named, or the functions: the word → what it is."""
    settings = asked.settings
    named = {
        settings.bucket: "bucket",
        asked.where.profile: "profile",
        asked.where.role_name: "role",
        asked.where.reader_role: "reader-role",
        settings.seal_key: "seal-key",
        settings.secrets_key: "kms-key",
        settings.exemption_group: "exemption-group",
    }
    # What everybody has tells of nobody.
    named.pop(Settings().exemption_group, None)
    return {word: what for word, what in named.items() if word}


# --- taking away what is left -------------------------------------------------------------


def _clean_all(
    where: RehearseWhere, told: RehearseSettings, *, asks: bool, with_probes: bool
) -> int:
    """
    Take away what earlier rehearsals left in an account; code 1 where something stays.

    with_probes: what only probes make is looked for, too. Without, a rehearsal that made such
    things is left whole: its users are the way to them.
    """
    guard = Guard(Allowed(ids=frozenset()))
    aws = _connect(where, guard)
    bucket = told.bucket
    clean_up = CleanUp(
        kinds=aws.leftovers(bucket, with_probes=with_probes),
        bucket=bucket,
        region=aws.region,
        sleep=time.sleep,
        say=_say,
        disarm=aws.disarm,
    )
    there = clean_up.look()
    kept = frozenset() if with_probes else _with_probes(there)
    for each in sorted(map(str, kept)):
        _warn(f"left: rehearsal {each}: probes were tried in it, so leave --story out")
    busy = frozenset() if asks else _anothers(there, aws.stage().caller())
    ids = frozenset(found.id for found, _ in there.left if found.id is not None) - kept - busy
    if not ids:
        _say_others(there)
        _say_unseen(there)
        if kept or there.unseen:
            return FAILED
        if not busy:
            _say(f"{there.nothing} of a rehearsal was found." + ("" if bucket else _NO_BUCKET))
        return FAILED if there.doubtful else 0
    named = [found for found, _ in there.left if found.id in ids]
    tell = _warn if asks else _say  # nobody says yes to what they did not see
    for found in named:
        tell(f"{found.kind} {found.name}{_whose(found.marks)}")
    if asks:
        things = pluralize(len(named), "thing")
        confirm(f"Remove {things} of {pluralize(len(ids), 'rehearsal')} in {aws.account}.")
    guard.allowed = Allowed(ids=ids, bucket=bucket, folders=frozenset(each.folder for each in ids))
    cleaned = clean_up.of(ids)
    for found, why in cleaned.left:
        _warn(f"left: {found.kind} {found.name}: {why}")
    _say_others(cleaned)
    _say_unseen(cleaned)
    if cleaned.is_clean and not busy:
        _say(f"{cleaned.nothing} is left." + ("" if bucket else _NO_BUCKET))
    return FAILED if kept or cleaned.doubtful or not cleaned.is_clean else 0


def _anothers(there: Cleaned, caller: str) -> frozenset[RehearsalId]:
    """The rehearsals that others may be playing now, each said: nobody is asked about them."""
    found = {
        user.id: user
        for user, _ in there.left
        if user.id is not None and is_anothers_work(user.marks, caller=caller, at=now())
    }
    for each, user in found.items():
        _warn(f"left alone: rehearsal {each}{_whose(user.marks)}: without --yes it asks")
    return frozenset(found)


def _with_probes(there: Cleaned) -> frozenset[RehearsalId]:
    """The rehearsals that have a user whom the story does not make."""
    users = [found for found, _ in there.left if found.kind == USER]
    return frozenset(
        found.id
        for found in users
        if found.id is not None and found.name not in {found.id.name(step.user) for step in STEPS}
    )


_NO_BUCKET: Final = " No --bucket: objects were not looked for."


def _whose(marks: Mapping[str, str]) -> str:
    by, expires = marks.get(BY_TAG), marks.get(EXPIRES_TAG)
    return f" (of {by}, somebody's work until {expires})" if by and expires else ""


def _say_others(cleaned: Cleaned) -> None:
    for found in cleaned.others:
        tell = _say if found.id is None else _warn  # what may be ours all the same
        tell(f"left alone: {found.kind} {found.name}: {found.not_ours}")


def _say_unseen(cleaned: Cleaned) -> None:
    for kind, why in cleaned.unseen:
        _warn(f"not looked for: {kind}: {why}")


def _how_to_clean(asked: Asked, region: str) -> str:
    """The command that takes away what is left, as it has to be typed; without the external id."""
    options = [
        f"--{name} {quote(value)}"
        for name, value in (
            ("account", asked.where.account),
            ("role-name", asked.where.role_name),
            ("external-id", asked.where.external_id and "EXTERNAL_ID"),
            ("profile", asked.where.profile),
            ("region", region),
            ("bucket", asked.bucket),
        )
        if value
    ]
    story = () if asked.probes else ("--story",)
    return f"To remove it: {' '.join((CLEAN, *story, *options))}"


def _say(line: str) -> None:
    """Tell the operator something, beside the answer."""
    say(line)


def _warn(line: str) -> None:
    """Tell them something that --quiet must not hide."""
    say(line, Level.WARNING)


def _progress(line: str) -> None:
    """Say what is going on, while it takes its time."""
    say(f"… {line}")
