"""The channels beside mail: whether what is switched on can say anything."""

from typing import ClassVar, Final

from keyturn.deployment.checks.core import lack_of
from keyturn.deployment.checks.health_check import AGAIN, HealthCheck, problem
from keyturn.deployment.checks.observed import Observed
from keyturn.deployment.model.health import Check, Finding, FindingCode
from keyturn.deployment.model.resources import CHANNELS, CHANNELS_QUEUE, CHANNELS_RULES
from keyturn.deployment.model.wanted import CHANNELS as SWITCHES
from keyturn.deployment.model.wanted import SWITCH_OF
from keyturn.domain.errors import Denied, NotFound, Refused
from keyturn.domain.scope import separated

ZIP: Final = "channels.zip"
OWN_KEY: Final = "alias/aws/secretsmanager"
"""AWS's own KMS key of secrets, which needs no permission."""
KEY: Final = "ChannelSecretsKmsKeyArn"


class ChannelsWork(HealthCheck):
    """The function of the channels that are on is there, may run, and runs our code."""

    id = Check.CHANNELS
    needs = (
        "cloudformation:DescribeStacks, lambda:GetFunctionConfiguration, GetFunctionConcurrency "
        "and ListEventSourceMappings, events:DescribeRule, s3:GetObject on the zips"
    )
    remedies: ClassVar = {
        FindingCode.PROVING_CHANNEL_OFF: problem(
            "mail alone proves now, and a window that began with the other channel begins anew: "
            "switch the channel on (docs/channels.md), or `keyturn deploy --parameter "
            "ProvingChannels=email`"
        ),
        FindingCode.CHANNELS_MISSING: problem(
            "nothing is said beside mail: delete the stack of the channels, and run `keyturn "
            "deploy` again with the channel's parameters"
        ),
        FindingCode.CHANNELS_OFF: problem(
            "nothing is said beside mail: `aws lambda delete-function-concurrency`, `aws lambda "
            "update-event-source-mapping --enabled`, or `aws events enable-rule`"
        ),
        FindingCode.CHANNELS_CODE_DIFFERS: problem(
            f"it does not fit the events of the core: {AGAIN}. If it still differs, somebody "
            "changed the function or the zip: find out who"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at the stack, and at what it makes."""
        stack = seen.channels
        switched_on = {name for name in SWITCHES if stack and stack.parameters.get(name)}
        for channel, switch in SWITCH_OF.items():
            proving = separated(seen.parameters.get("ProvingChannels", ""))
            if channel in proving and switch not in switched_on:
                said = f"ProvingChannels names {channel}, and {switch} is empty"
                return self.faulty(FindingCode.PROVING_CHANNEL_OFF, said)
        if stack is None or not switched_on:
            return self.well("no channel beside mail is on")
        if lack := lack_of(stack, f"stack {stack.name}"):
            return self.faulty(FindingCode.CHANNELS_MISSING, lack)
        wrong = self._of_function(seen) or self._of_rules(seen)
        return wrong or self.well(f"{CHANNELS} takes its work; on: {_words(switched_on)}")

    def _of_function(self, seen: Observed) -> Finding | None:
        try:
            found = seen.probes.functions.look(CHANNELS)
        except NotFound:
            said = f"there is no function {CHANNELS}"
            return self.faulty(FindingCode.CHANNELS_MISSING, said)
        if found.reserved == 0:
            said = f"{CHANNELS} may not run: 0 is reserved for it"
            return self.faulty(FindingCode.CHANNELS_OFF, said)
        if CHANNELS_QUEUE not in seen.probes.functions.takes_from(CHANNELS):
            said = f"{CHANNELS} takes nothing from {CHANNELS_QUEUE}"
            return self.faulty(FindingCode.CHANNELS_OFF, said)
        # By the core's folder: both have to be of one version.
        folder = seen.parameter("LambdaFolder")
        if found.code != seen.archive.code_of(f"{folder}/{ZIP}"):
            said = f"{CHANNELS} runs other code than {ZIP} in {folder}, the core's folder"
            return self.faulty(FindingCode.CHANNELS_CODE_DIFFERS, said)
        return None

    def _of_rules(self, seen: Observed) -> Finding | None:
        for name, bus in CHANNELS_RULES:
            try:
                if not seen.probes.event_rules.is_enabled(name, bus):
                    said = f"the rule {name} is disabled"
                    return self.faulty(FindingCode.CHANNELS_OFF, said)
            except NotFound:
                return self.faulty(FindingCode.CHANNELS_MISSING, f"there is no rule {name}")
        return None


class ChannelSecretsRead(HealthCheck):
    """The secret of each channel that is on is there, can be read, and has its fields."""

    id = Check.CHANNEL_SECRETS
    needs = "secretsmanager:DescribeSecret and GetSecretValue on the secrets of the channels"
    remedies: ClassVar = {
        FindingCode.CHANNEL_SECRET_WRONG: problem(
            "the channel says nothing: store the secret as docs/channels.md shows. A new value is "
            "in use within five minutes; another ARN needs `keyturn deploy` with its parameter"
        ),
        FindingCode.CHANNEL_SECRET_LOCKED: problem(
            f"the channel says nothing: `keyturn deploy --parameter {KEY}=ARN`, or store the "
            "secret without a KMS key of yours"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Read each secret as the function does; no value is shown."""
        parameters = seen.channels.parameters if seen.channels else {}
        arns = {name: parameters[name] for name in sorted(SWITCHES) if parameters.get(name)}
        if not arns:
            return self.well("no channel beside mail is on")
        wrong: list[str] = []
        locked: list[str] = []
        for name, arn in arns.items():
            try:
                key = seen.probes.channel_secrets.kms_key(arn)
                if not _may_use(key, parameters.get(KEY, "")):
                    locked.append(f"{name}: encrypted with {key}, and {KEY} is another or empty")
                seen.probes.channel_secrets.check(name, arn)
            except Denied:
                raise
            except (NotFound, Refused) as error:
                wrong.append(f"{name}: {str(error).removeprefix(f'{name}: ')}")
        if wrong:
            return self.faulty(FindingCode.CHANNEL_SECRET_WRONG, "; ".join(wrong))
        if locked:
            return self.faulty(FindingCode.CHANNEL_SECRET_LOCKED, "; ".join(locked))
        return self.well(f"each can be read: {_words(arns)}")


def _may_use(key: str, given: str) -> bool:
    """
    Whether the function may decrypt with a secret's key.

    key: an ARN, an id or an alias, as whoever made the secret named it; empty: AWS's own.
    """
    if not key or key.endswith(OWN_KEY):
        return True
    if "alias/" in key:  # which key that is, only KMS knows
        return bool(given)
    return bool(given) and key.rpartition("/")[2] == given.rpartition("/")[2]


def _words(names: "set[str] | dict[str, str]") -> str:
    return ", ".join(sorted(names))
