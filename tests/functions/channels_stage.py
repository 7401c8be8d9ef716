"""A stage with the channels beside mail deployed, whose secrets a test sets."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from keyturn_sandbox.simulation.deployment import BUCKET, CHANNELS_ROLE, PREFIX
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

    def waiting(self) -> list[dict[str, Any]]:
        """The events that wait, and go on waiting."""
        sqs = self.stage.cloud.session(HUB).client("sqs")
        messages = self.stage.receive(self.queue)
        for each in messages:
            sqs.change_message_visibility(
                QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0
            )
        return [json.loads(each["Body"]) for each in messages]

    def put_a_day_later(self, event: Any) -> None:  # noqa: ANN401 -- an event
        """Let an event come as if all its dates were a day later: other notices of its keys."""

        def later(text: re.Match[str]) -> str:
            return str(date.fromisoformat(text[0]) + timedelta(days=1))

        digest = event["detail"]["digest"]
        dates = r"(?<![\w-])\d{4}-\d\d-\d\d(?![\w-])"
        digest["items"] = json.loads(re.sub(dates, later, json.dumps(digest["items"])))
        self.put(event)

    def put(self, event: Any) -> None:  # noqa: ANN401 -- an event
        """Let an event come once more."""
        sqs = self.stage.cloud.session(HUB).client("sqs")
        sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps(event))

    def forget_receipts(self) -> None:
        """Lose what says that something was sent."""
        s3 = self.stage.cloud.role_session(HUB, CHANNELS_ROLE).client("s3")
        for name in self.stored():
            if "/_conversations/" not in name:
                s3.delete_object(Bucket=BUCKET, Key=name)

    def drop(self) -> None:
        """Lose what waits."""
        sqs = self.stage.cloud.session(HUB).client("sqs")
        for message in self.stage.receive(self.queue):
            sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def forget_conversations(self) -> None:
        """Lose what was begun about keys."""
        s3 = self.stage.cloud.role_session(HUB, CHANNELS_ROLE).client("s3")
        for name in self.stage.cloud.objects(BUCKET):
            if "/_conversations/" in name:
                s3.delete_object(Bucket=BUCKET, Key=name)

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
