"""Plans that somebody approved of, as they lie in the bucket: `<prefix>/plans/<name>`."""

from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Plans:
    """Meets `ports.Plans`; it needs s3:GetObject on `<prefix>/plans/*`."""

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = "/".join(filter(None, (prefix.strip("/"), "plans")))

    def read(self, name: str) -> bytes:
        """A plan, byte by byte."""
        with aws_errors_translated():
            answer = self._s3.get_object(Bucket=self._bucket, Key=f"{self._root}/{name}")
            return answer["Body"].read()
