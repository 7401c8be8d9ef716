"""
What operators had Keyturn do: an object each, `<prefix>/audit/<day>/<time>-<command>-<mark>.json`.

Written twice, before and after; where the bucket keeps versions, both can be read.
"""

import json
from datetime import UTC
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.record import stamp
from keyturn.ports import AuditEntry

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Audit:
    """Meets `ports.Audit`. It needs s3:PutObject on `<prefix>/audit/*`, and reads nothing."""

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = "/".join(filter(None, (prefix.strip("/"), "audit")))

    def write(self, entry: AuditEntry) -> None:
        """Keep the entry, in the place of an earlier one of the same mark."""
        at = entry.at.astimezone(UTC)
        name = f"{at:%Y-%m-%d}/{at:%H%M%S}Z-{entry.command}-{entry.mark}.json"
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=f"{self._root}/{name}",
                Body=json.dumps(_document(entry), indent=2).encode(),
                ContentType="application/json",
            )


def _document(entry: AuditEntry) -> dict[str, object]:
    return {
        "version": 1,
        "command": entry.command,
        "by": entry.by,
        "request": entry.request,
        "why": entry.why,
        "account": entry.account,
        "user": entry.user,
        "key": entry.key,
        "secret": entry.secret,
        "run": entry.run,
        "begun": stamp(entry.at),
        "ended": stamp(entry.ended) if entry.ended else None,
        "outcome": entry.outcome,
        "said": list(entry.said),
    }
