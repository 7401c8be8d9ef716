"""The coming days of the whole organisation, played from its newest snapshots."""

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import nullcontext

from keyturn.cli.beside import Level, say
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.given import parameters_in
from keyturn.cli.line_breaks import broken
from keyturn.cli.options import RuleOptions
from keyturn.cli.result_file import result_file
from keyturn.cli.simulate_options import (
    Owners,
    PlayOptions,
    SimulateFormat,
    SimulateOptions,
    StoredOptions,
)
from keyturn.cli.simulation_table import assumptions_of, not_seen_of, simulation_lines
from keyturn.cli.stored import check_stored, evidence_of, settings_of
from keyturn.cli.streams import write_answer
from keyturn.configuration import BY_NAME
from keyturn.domain.errors import InvalidValue
from keyturn.domain.fleet_course import Simulation
from keyturn.domain.names import ACCOUNT_ID
from keyturn.domain.parameter import parameters_of
from keyturn.domain.plain_text import visible
from keyturn.domain.policy import RotationPolicy
from keyturn.schemas.simulation import Labelled, write_simulation, write_simulation_csv
from keyturn.settings import Settings
from keyturn.use_cases.play_account import Setting
from keyturn.use_cases.simulate import Simulate

LONGEST = 400
"""Days: what would come later, nobody plans by."""
FILE_WIDTH = 120
"""Columns of a table that goes into a file."""
_COMPARABLE = {each.casefold(): each for each in (*parameters_in(RuleOptions), "AdminDigest")}
"""What --with can set: the name in any case → as it is spelt."""
_KNOWN = {each.casefold(): each for each in BY_NAME}


def simulate(where: StoredOptions, rules: PlayOptions, asked: SimulateOptions) -> int:
    """
    Play the days; code 1, if not everything was seen.

    Raises InvalidValue where the options do not say where, or break a rule.
    """
    if not 1 <= asked.days <= LONGEST:
        raise InvalidValue("--days", asked.days, f"must be from 1 to {LONGEST}")
    for each in asked.account or ():
        if ACCOUNT_ID.fullmatch(each) is None:
            raise InvalidValue("--account", each, "must be the 12 digits of an account")
    check_stored(where)
    others = [{}, *map(_read_with, asked.with_ or ())]
    known = [settings_of(where, rules, each) for each in others]
    settings = [
        Setting(
            policy=each.policy,
            days=asked.days,
            owners_act=asked.owners is Owners.ACT,
            admin=each.admin,
            copies=each.copies_to_admin,
        )
        for each in known
    ]
    own = "As deployed" if where.deployed else "As given"
    labels = [own, *(" ".join(each.split()) for each in asked.with_ or ())]
    evidence, workers = evidence_of(where, known[0])
    to_file = asked.output is not None and str(asked.output) != "-"
    with result_file(asked.output) if to_file and asked.output else nullcontext() as write:
        found = Simulate(evidence=evidence, workers=workers).of(
            settings, accounts=frozenset(asked.account) if asked.account else None
        )
        width = FILE_WIDTH if write else shutil.get_terminal_size().columns
        text = _text(
            found,
            settings,
            [_labelled(*each) for each in zip(labels, known, strict=True)],
            asked,
            width,
        )
        if write is None:
            write_answer(text, is_table=asked.format is SimulateFormat.TABLE)
        else:
            write(text)
    if write is not None or asked.format is not SimulateFormat.TABLE:  # a shown table says it
        for line in not_seen_of(found.coverage):
            say(line, Level.WARNING)
    return 0 if found.coverage.is_whole else FAILED


def _text(
    found: Simulation,
    settings: Sequence[Setting],
    labelled: Sequence[Labelled],
    asked: SimulateOptions,
    width: int,
) -> str:
    match asked.format:
        case SimulateFormat.CSV:
            return write_simulation_csv(found, labelled)
        case SimulateFormat.JSON:
            file = write_simulation(
                found,
                labelled,
                owners=asked.owners.value,
                assumptions=assumptions_of(settings[0]),
            )
            return json.dumps(file, indent=2) + "\n"
    labels = [each.label for each in labelled]
    lines = simulation_lines(found, settings, labels, width)
    return "\n".join(part for line in lines for part in broken(visible(line), width)) + "\n"


def _labelled(label: str, settings: Settings) -> Labelled:
    """A setting with the rule's parameters, as they would be given."""
    return Labelled(label=label, parameters=parameters_under(settings))


def parameters_under(settings: Settings) -> dict[str, str]:
    """The rule's parameters: name → value, as it would be given."""
    return {
        described.name: _spelt(getattr(settings.policy, name))
        for name, described in parameters_of(RotationPolicy).items()
    }


def _spelt(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def _read_with(text: str) -> Mapping[str, object]:
    """Read `Name=value Name=value`. Raises InvalidValue where one is no parameter of the rule."""
    found: dict[str, object] = {}
    for word in text.split():
        name, is_set, value = word.partition("=")
        known = _COMPARABLE.get(name.casefold())
        if known is None:
            played = ", ".join(_COMPARABLE.values())
            rule = f"must be NAME=VALUE, of {played}"
            if name.casefold() in _KNOWN:
                rule = f"is not played: it would change no figure. Played are {played}"
            raise InvalidValue("--with", word, rule)
        if not is_set or not value:
            raise InvalidValue("--with", word, "needs a value, as SpreadDays=14")
        if known in found:
            raise InvalidValue("--with", text, f"names {known} twice")
        found[known] = value
    if not found:
        raise InvalidValue("--with", text, "must not be empty")
    return found
