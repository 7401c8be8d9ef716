"""
The flag that stops every write: an object in the bucket, `<prefix>/paused.json`.

That it is there is what counts; what it says is for people.
"""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.reading import read_json
from keyturn.domain.tag_text import format_utc
from keyturn.ports import Pause

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3PauseFlag:
    """
    Meets `ports.PauseFlag`.

    Reading needs s3:ListBucket on `<prefix>/paused.json`, for S3 says "denied" of an object
    that is not there to whoever may not list; and s3:GetObject on it, to say who paused. To
    pause needs s3:PutObject on it, to resume s3:DeleteObject; to see whether it is alone,
    s3:ListBucket on `<prefix>/`.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._folder = f"{prefix.strip('/')}/" if prefix else ""
        self._name = f"{self._folder}paused.json"

    @property
    def place(self) -> str:
        """The object, as people write it."""
        return f"s3://{self._bucket}/{self._name}"

    def is_alone(self) -> bool:
        """Whether nothing else is stored in its folder: then hardly anybody looks there."""
        with aws_errors_translated():
            answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=self._folder, MaxKeys=2)
        return all(found["Key"] == self._name for found in answer.get("Contents", []))

    def pause(self) -> Pause | None:
        """The pause that is in force."""
        with aws_errors_translated():
            answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=self._name)
            found = next((o for o in answer.get("Contents", []) if o["Key"] == self._name), None)
            if found is None:
                return None
            body = self._s3.get_object(Bucket=self._bucket, Key=self._name)["Body"].read()
        return _read(body, found["LastModified"])

    def set(self, pause: Pause) -> None:
        """Stop every write. Raises AlreadyThere where somebody has."""
        told = {"by": pause.by, "at": format_utc(pause.at), "why": pause.why}
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._name,
                Body=json.dumps(told, indent=2).encode(),
                ContentType="application/json",
                IfNoneMatch="*",
            )

    def clear(self) -> None:
        """Let writes go on."""
        with aws_errors_translated():
            self._s3.delete_object(Bucket=self._bucket, Key=self._name)


def _read(body: bytes, at: datetime) -> Pause:
    """What a pause says of itself; one that says nothing is a pause all the same."""
    try:
        told = read_json(body)
        by, why = str(told["by"]), str(told["why"])
    except (KeyError, TypeError, ValueError):
        by, why = "somebody", "no reason was given"
    return Pause(by=by, at=at.astimezone(UTC), why=why)
