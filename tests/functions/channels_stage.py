"""A stage with the channels beside mail deployed, whose secrets a test sets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from keyturn_sandbox.simulation.deployment import BUCKET, PREFIX
from tests.use_cases.harness import HUB, MINUTE, Clock, Harness

SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS13ZWJob29rLTAxMjM0NTY3ODk="


@dataclass(kw_only=True)
class Channels:
    """A stage with the channels deployed."""

    stage: Harness
    queue: str
    secrets: dict[str, str] = field(default_factory=dict)
    """Parameter → the ARN of its secret."""

    def set(self, parameter: str, value: str) -> None:
        """Store a channel's secret, or change it."""
        secrets = self.stage.cloud.session(HUB).client("secretsmanager")
        if parameter in self.secrets:
            secrets.put_secret_value(SecretId=self.secrets[parameter], SecretString=value)
            return
        made = secrets.create_secret(Name=f"keyturn/{parameter}", SecretString=value)
        self.secrets[parameter] = made["ARN"]
        self.stage.settings[parameter] = made["ARN"]

    def webhook(self, url: str, secret: str = SECRET) -> None:
        self.set("WebhookSecretArn", json.dumps({"url": url, "secret": secret}))

    def owners(self, *rules: Mapping[str, str]) -> None:
        """Put an owners file into the bucket."""
        body = json.dumps({"version": "1", "rules": rules})  # which is YAML, too
        s3 = self.stage.cloud.session(HUB).client("s3")
        s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/owners.yaml", Body=body.encode())

    def say(self, *, seconds: int | None = None) -> int:
        """One round of the function; how many messages came back."""
        context = Clock(lambda: timedelta(seconds=seconds)) if seconds is not None else None
        return len(self.stage.say(self.queue, context=context, rounds=1))

    def later(self) -> None:
        """Until claims have run out."""
        self.stage.cloud.move_to(self.stage.cloud.now + 18 * MINUTE)

    def stored(self) -> list[str]:
        """The receipts that channels wrote."""
        objects = self.stage.cloud.objects(BUCKET)
        folder = f"{PREFIX}/channels/"
        return sorted(name for name, body in objects.items() if folder in name and len(body) > 36)


def measured(stage: Harness, name: str) -> float:
    return sum(float(line[name][0]) for line in stage.measured() if name in line)
