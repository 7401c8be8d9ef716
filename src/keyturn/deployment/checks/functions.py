"""The functions, and what gives them their work: settings, code, concurrency, rules, queues."""

from collections.abc import Iterator
from typing import ClassVar, Final

from keyturn.deployment.checks.health_check import AGAIN, HealthCheck, problem
from keyturn.deployment.checks.observed import Observed
from keyturn.deployment.model.facts import FunctionFacts
from keyturn.deployment.model.health import Check, Finding, FindingCode
from keyturn.deployment.model.resources import (
    CHANNELS_DEAD,
    DEAD_LETTERS,
    RULES,
    TAKES_FROM,
    UNDELIVERED,
)
from keyturn.deployment.model.template import DeclaredFunction
from keyturn.domain.errors import NotFound

BESIDES: Final = 3
"""Functions that run beside the rotations: the inventory and two notifiers."""


class FunctionSettings(HealthCheck):
    """Each function is as template and parameters say, and can work."""

    id = Check.FUNCTIONS
    needs = (
        "lambda:GetFunctionConfiguration, GetFunctionConcurrency and "
        "ListEventSourceMappings, cloudformation:GetTemplate"
    )
    remedies: ClassVar = {
        FindingCode.FUNCTION_MISSING: problem(
            "somebody deleted it: delete the core stack and deploy again; keys stay"
        ),
        FindingCode.FUNCTION_DIFFERS: problem(
            "somebody changed it by hand: change the stack instead. An update of the stack that "
            "changes the function sets all of it back"
        ),
        FindingCode.FUNCTION_OFF: problem(
            "`aws lambda delete-function-concurrency`, or `aws lambda "
            "update-event-source-mapping --enabled`; to stop Keyturn's writes there is "
            "`keyturn pause`"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Compare all functions; one that may not run is named before one that differs."""
        differences: list[str] = []
        off: list[str] = []
        for each in seen.template.functions:
            try:
                found = seen.probes.functions.look(each.name)
            except NotFound:
                return self.faulty(
                    FindingCode.FUNCTION_MISSING, f"there is no function {each.name}"
                )
            differences += (f"{each.name}: {what}" for what in _differences(seen, each, found))
            off += _shut_off(seen, each.name, found)
        if off:
            return self.faulty(FindingCode.FUNCTION_OFF, "; ".join(off))
        if differences:
            return self.faulty(FindingCode.FUNCTION_DIFFERS, "; ".join(differences))
        return self.well(f"{len(seen.template.functions)} functions are as the stack says")


def _shut_off(seen: Observed, name: str, found: FunctionFacts) -> Iterator[str]:
    """What keeps a function from working at all."""
    if found.reserved == 0:  # "Throttle" in Lambda's console
        yield f"{name} may not run: 0 is reserved for it"
    queue = TAKES_FROM.get(name)
    if queue is not None and queue not in seen.probes.functions.takes_from(name):
        yield f"{name} takes nothing from {queue}"


def _differences(
    seen: Observed, declared: DeclaredFunction, found: FunctionFacts
) -> Iterator[str]:
    """What is not as template and parameters say."""
    pairs: dict[str, tuple[object, object]] = {
        "Runtime": (declared.runtime, found.runtime),
        "Handler": (declared.handler, found.handler),
        "Timeout": (declared.timeout, found.timeout),
        "MemorySize": (declared.memory, found.memory),
        "Architecture": (seen.parameters.get("Architecture"), found.architecture),
        "Reserved concurrency": (
            seen.parameters.get(declared.reserved, "0"),
            str(found.reserved or 0),
        ),
    }
    for name, source in declared.variables.items():
        # What refers to a resource is only known to be set.
        value = found.variables.get(name, "")
        pairs[name] = (seen.parameters.get(source, value or "something"), value)
    for name, (wanted, is_so) in pairs.items():
        if wanted != is_so:
            yield f"{name} is {is_so or '(empty)'} instead of {wanted or '(empty)'}"


class FunctionCode(HealthCheck):
    """The functions run the zips that the stack names."""

    id = Check.CODE
    needs = "lambda:GetFunctionConfiguration, s3:GetObject on the zips"
    remedies: ClassVar = {
        FindingCode.ZIP_MISSING: problem(
            f"the function runs on, but could not be made again: {AGAIN}"
        ),
        FindingCode.CODE_DIFFERS: problem(
            "the function runs other code than the stack says: find out who changed it; "
            "then `aws lambda update-function-code` with that zip"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Compare Lambda's hashes with those of the zips."""
        folder = seen.parameter("LambdaFolder")
        others: list[str] = []
        for each in seen.template.functions:
            try:
                wanted = seen.archive.code_of(f"{folder}/{each.zip}")
            except NotFound:
                said = f"there is no {folder}/{each.zip} in the bucket"
                return self.faulty(FindingCode.ZIP_MISSING, said)
            if seen.probes.functions.look(each.name).code != wanted:
                others.append(each.name)
        if others:
            said = f"other code than in {folder}: {', '.join(others)}"
            return self.faulty(FindingCode.CODE_DIFFERS, said)
        return self.well(f"the functions run the zips in {folder}")


class FreeConcurrency(HealthCheck):
    """Lambda leaves room for as many rotations as may run at the same time."""

    id = Check.CONCURRENCY
    needs = "lambda:GetAccountSettings"
    remedies: ClassVar = {
        FindingCode.CONCURRENCY_SMALL: problem(
            "have Lambda's quota of concurrent executions raised, or lower MaximumConcurrency"
        ),
        FindingCode.RESERVATION_SMALL: problem(
            "set RotationReservedConcurrency to MaximumConcurrency or more, or to 0"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Compare what is free with what is needed; what is reserved needs no free one."""
        wanted = seen.number("MaximumConcurrency")
        reserved = seen.number("RotationReservedConcurrency")
        if 0 < reserved < wanted:
            said = f"{reserved} reserved for rotations, and MaximumConcurrency is {wanted}"
            return self.faulty(FindingCode.RESERVATION_SMALL, said)
        found = seen.probes.functions.concurrency()
        needed = BESIDES if reserved else wanted + BESIDES
        said = f"{found.unreserved} of {found.limit} are free for all functions, {needed} needed"
        if found.unreserved < needed:
            return self.faulty(FindingCode.CONCURRENCY_SMALL, said)
        return self.well(said)


class RulesEnabled(HealthCheck):
    """EventBridge's rules are there, and enabled."""

    id = Check.RULES
    needs = "events:DescribeRule"
    remedies: ClassVar = {
        FindingCode.RULE_MISSING: problem(
            "somebody deleted it: delete the core stack and deploy again; keys stay"
        ),
        FindingCode.RULE_DISABLED: problem(
            "`aws events enable-rule`; to stop Keyturn's writes there is `keyturn pause`"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at each rule."""
        disabled: list[str] = []
        for name, bus in RULES:
            try:
                if not seen.probes.event_rules.is_enabled(name, bus):
                    disabled.append(name)
            except NotFound:
                return self.faulty(FindingCode.RULE_MISSING, f"there is no rule {name}")
        if disabled:
            return self.faulty(FindingCode.RULE_DISABLED, f"disabled: {', '.join(disabled)}")
        return self.well(f"{len(RULES)} rules are enabled")


class NoDeadLetters(HealthCheck):
    """No message was given up."""

    id = Check.DEAD_LETTERS
    needs = "sqs:GetQueueUrl and GetQueueAttributes, cloudformation:DescribeStacks"
    remedies: ClassVar = {
        FindingCode.DEAD_LETTERS: problem(
            "read them and the function's log; afterwards redrive them "
            "(`aws sqs start-message-move-task`) or purge the queue. SQS redrives nothing out of "
            f"{UNDELIVERED}: invoke the function again by hand"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Count what is in the queues of dead letters."""
        queues = (*DEAD_LETTERS, *([CHANNELS_DEAD] if seen.channels else []))
        counts = {queue: seen.probes.queue_depth.waiting(queue) for queue in queues}
        full = [f"{count} in {queue}" for queue, count in counts.items() if count]
        if full:
            return self.faulty(FindingCode.DEAD_LETTERS, ", ".join(full))
        return self.well("none")
