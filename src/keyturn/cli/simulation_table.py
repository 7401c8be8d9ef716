"""The coming days for people: what is supposed, from when on no key is late, week by week."""

from collections.abc import Iterator, Sequence
from typing import Final

from keyturn.domain.amounts import pluralize
from keyturn.domain.fleet_course import CourseDay, Coverage, FleetCourse, Simulation
from keyturn.domain.policy import CopiesToAdmin
from keyturn.use_cases.play_account import Setting

BY_DAY: Final = 31
"""Days that have a line each; more are shown by the week."""
_WEEK: Final = 7
_WIDE: Final = 80
"""Columns from which there is a bar."""
_LONGEST_BAR: Final = 40
_SHOWN: Final = 10
"""Lines of a list: JSON has more."""
_HEADINGS: Final = ("Warned", "Rotated", "Ending", "In use", "Deleted", "Waiting", "Mails", "Late")
_CELL: Final = 8
"""Columns of a figure: eight of them and a date leave room for a bar in 80."""
_DAY: Final = 10
"""Columns of a date."""
_BAR: Final = "█"


def assumptions_of(setting: Setting) -> list[str]:
    """What is supposed, a sentence each."""
    owners = (
        "Each owner moves to a new key on the day on which it is made."
        if setting.owners_act
        else "No owner ever moves to a new key."
    )
    return [
        owners,
        "Nobody makes, disables, enables or deletes a key by hand, and no account joins.",
        "Who is exempt stays so, and every account is enforced.",
        "Who works with a key today goes on with it; a key that is not in use stays so.",
        "Every notice is accepted, every run comes, and what is forbidden stays forbidden.",
    ]


def simulation_lines(
    found: Simulation, settings: Sequence[Setting], labels: Sequence[str], width: int
) -> Iterator[str]:
    """What was not seen comes first, then what is supposed, then each setting."""
    yield from not_seen_of(found.coverage)
    day = found.coverage.day.isoformat()
    yield f"Played from the snapshots of {day} (UTC). Nothing of this is done. Supposed:"
    yield from (f"  {each}" for each in assumptions_of(settings[0]))
    yield from (f"  {each}" for each in _unsaid(found.courses[0]))
    if len(labels) > 1:
        yield ""
        yield from _compared(found.courses, labels)
    for setting, label, course in zip(settings, labels, found.courses, strict=True):
        yield ""
        yield f"{label}:"
        yield from _standing(course, setting, found.coverage)
        yield ""
        yield from _table(course, width)
        yield from _mails(setting, course)
        yield from _in_use(course, setting)


def not_seen_of(coverage: Coverage) -> Iterator[str]:
    """What was not seen, a line each; nothing where all was."""
    if coverage.not_seen:
        yield (
            f"NOT SEEN: {pluralize(len(coverage.not_seen), 'account')} without a snapshot that "
            f"can be read: {_some(coverage.not_seen)}"
        )
    if coverage.earlier:
        yield (
            f"NOT SEEN on {coverage.day.isoformat()}, or not whole; played from what is known: "
            f"{pluralize(len(coverage.earlier), 'account')}: {_some(sorted(coverage.earlier))}"
        )
    if coverage.users_left:
        yield f"NOT SEEN: {pluralize(coverage.users_left, 'user')} for whom there was no time"
    if not coverage.is_listed:
        yield "NOT KNOWN: which accounts there are; no inventory of the day can be read"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _unsaid(course: FleetCourse) -> Iterator[str]:
    uses, owners = course.supposed["last-use"], course.supposed["owner"]
    if uses:
        yield (
            f"Of {pluralize(uses, 'Active key')} the snapshots do not say when they were last "
            "used: they are in use."
        )
    if owners:
        yield (
            f"Of {pluralize(owners, 'user')} the snapshots do not say the owner: each is somebody "
            "else's, so mails are at most so many."
        )
    for why, keys in sorted(course.not_foretold.items()):
        yield f"Of {pluralize(keys, 'key')} nobody can say what comes: {why}."


def _standing(course: FleetCourse, setting: Setting, coverage: Coverage) -> Iterator[str]:
    policy = setting.policy
    yield (
        f"  R={policy.rotation_period} I={policy.inactive_period} "
        f"G={policy.recovery_grace_period} W={policy.installation_window}, at most "
        f"{policy.max_keys_per_day} keys or {policy.max_percent_per_day} % an account and day, "
        f"SpreadDays={policy.spread_days}, RotateEarlyDays={policy.rotate_early_days}"
    )
    if not course.accounts:
        yield "  Whether keys are late is not known: no account was seen."
        return
    seen = "" if coverage.is_whole else ", of what was seen"
    on = course.nothing_late_on
    if on is not None:
        number = (on - course.days[0].day).days + 1
        yield f"  No key is late from {on.isoformat()} on, day {number}{seen}."
    else:
        yield (
            f"  Some key is LATE to the end of {pluralize(len(course.days), 'day')}{seen}: "
            f"{pluralize(course.days[-1].late, 'key')} on the last one:"
        )
        yield from (f"    {keys:,} {why}" for why, keys in course.held.most_common())
    if course.active:
        yield (
            f"  Within policy on the last day (Active, and at most R={policy.rotation_period} "
            f"days old, as reports and the page count): {course.within_policy:,} of "
            f"{pluralize(course.active, 'Active key')}, "
            f"{100 * course.within_policy / course.active:.1f} %."
        )
    if course.exempt:
        yield (
            f"  {pluralize(course.exempt, 'key')} of exempt users are left alone, and are in no "
            "other figure."
        )


def _compared(courses: Sequence[FleetCourse], labels: Sequence[str]) -> Iterator[str]:
    yield "  No key late  Most rotated  Most ending  Most mails  In use  Days waiting  Setting"
    for label, course in zip(labels, courses, strict=True):
        on = course.nothing_late_on
        mails = max(_all_mails(each) for each in course.days)
        waiting = sum(each.over_cap > 0 for each in course.days)
        yield (
            f"{on.isoformat() if on else 'not':>13}  {course.most('rotated'):>12,}"
            f"  {course.most('disabled'):>11,}"
            f"  {mails:>10,}  {course.total('ends_in_use'):>6,}  {waiting:>12,}  {label}"
        )


def _table(course: FleetCourse, width: int) -> Iterator[str]:
    """A line a day or a week; the bar is of the keys that are disabled."""
    by_day = len(course.days) <= BY_DAY
    step = 1 if by_day else _WEEK
    yield f"{'Day' if by_day else 'Week of':{_DAY}}" + "".join(
        f"{each:>{_CELL}}" for each in _HEADINGS
    )
    groups = [course.days[at : at + step] for at in range(0, len(course.days), step)]
    most = max(sum(each.disabled for each in group) for group in groups)
    columns = min(width - _DAY - _CELL * len(_HEADINGS) - 2, _LONGEST_BAR) if width >= _WIDE else 0
    for group in groups:
        disabled = sum(each.disabled for each in group)
        cells = (
            sum(each.warned for each in group),
            sum(each.rotated for each in group),
            disabled,
            sum(each.ends_in_use for each in group),
            sum(each.deleted for each in group),
            max(each.over_cap for each in group),
            max(_all_mails(each) for each in group),
            group[-1].late,
        )
        bar = _BAR * -(-columns * disabled // most) if most and columns > 0 else ""
        line = f"{group[0].day.isoformat()}" + "".join(f"{each:>{_CELL},}" for each in cells)
        yield f"{line}  {bar}".rstrip()


def _all_mails(day: CourseDay) -> int:
    return day.owner_mails_most + day.admin_mails


def _mails(setting: Setting, course: FleetCourse) -> Iterator[str]:
    daily = setting.copies is CopiesToAdmin.DAILY
    copies = "and one digest a day besides" if daily else "with a copy of each account's run"
    yield (
        "Ending: keys that are disabled; In use: those of them that somebody works with today. "
        "Waiting: for the cap of the day, at most. Mails: on the busiest day, at most, to owners "
        "and administrators, "
        f"{copies}. Late: Active when the day is over and past I, or past R and not replaced."
    )
    least, most = (course.total(f"owner_mails_{each}") for each in ("least", "most"))
    yield (
        f"Mails to owners in all: {least:,} to {most:,}"
        if least < most
        else (f"Mails to owners in all: {most:,}")
    )


def _in_use(course: FleetCourse, setting: Setting) -> Iterator[str]:
    total, unknown = course.total("ends_in_use"), course.total("ends_use_unknown")
    if unknown:
        yield f"Of {pluralize(unknown, 'key')} that end nobody can say whether they are in use."
    if not total:
        return
    yield (
        f"{pluralize(total, 'key')} in use stop; what uses them breaks "
        + ("unless it has moved by then:" if setting.owners_act else "on that day:")
    )
    first = course.first_ends()[:_SHOWN]
    for each in first:
        yield f"  {each.day.isoformat()} {each.account} {each.user} {each.key_id}"
    if total > len(first):
        yield f"  and {total - len(first):,} more"
