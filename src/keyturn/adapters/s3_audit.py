"""
What operators had Keyturn do: two objects each, before and after.

    <prefix>/audit/<day>/<time>-<command>-<entry id>.begun.json
    <prefix>/audit/<day>/<time>-<command>-<entry id>.json

Neither is ever overwritten: the bucket's policy refuses it, and so does each call of ours.
"""

from datetime import UTC
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated, may_have_been_heard
from keyturn.domain.audit import BEGUN, AuditEntry
from keyturn.domain.errors import AlreadyThere
from keyturn.schemas.audit import write_audit

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Audit:
    """Meets `ports.Audit`. It needs s3:PutObject on `<prefix>/audit/*`, and reads nothing."""

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = "/".join(filter(None, (prefix.strip("/"), "audit")))

    def write(self, entry: AuditEntry) -> None:
        """
        Keep the entry beside an earlier one of the same id.

        Raises AlreadyThere where it is there already: no entry is ever overwritten.
        """
        at = entry.at.astimezone(UTC)
        end = ".begun.json" if entry.outcome == BEGUN else ".json"
        name = f"{at:%Y-%m-%d}/{at:%H%M%S}Z-{entry.command}-{entry.entry_id}{end}"
        try:
            with aws_errors_translated():
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=f"{self._root}/{name}",
                    Body=write_audit(entry),
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
        except AlreadyThere as error:
            # Ours, if an answer was lost and the SDK tried again. Else somebody was faster.
            if not may_have_been_heard(error):
                raise
