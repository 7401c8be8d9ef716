"""
The flag that stops every write: an object in the bucket, `<prefix>/paused.json`.

That it is there is what counts; what it says is for people.
"""

from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.pause import Pause
from keyturn.schemas.pause import read_pause, write_pause

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
        return read_pause(body, found["LastModified"])

    def set(self, pause: Pause) -> None:
        """Stop every write. Raises AlreadyThere where somebody has."""
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._name,
                Body=write_pause(pause),
                ContentType="application/json",
                IfNoneMatch="*",
            )

    def replace(self, pause: Pause) -> None:
        """Keep stopping every write, by a pause that says more; also where it was just lifted."""
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._name,
                Body=write_pause(pause),
                ContentType="application/json",
            )

    def clear(self) -> None:
        """Let writes go on."""
        with aws_errors_translated():
            self._s3.delete_object(Bucket=self._bucket, Key=self._name)
