"""The exemptions file: an object of the bucket, `<prefix>/exemptions.yaml`."""

from typing import TYPE_CHECKING, Final, TypedDict

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound
from keyturn.domain.exemptions_file import ExemptionsFile
from keyturn.schemas.exemptions_file import LARGEST, read_exemptions_file

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NAME: Final = "exemptions.yaml"


class _Condition(TypedDict, total=False):
    IfMatch: str
    IfNoneMatch: str


class S3ExemptionsFile:
    """
    Meets `ports.ExemptionsFileStore`.

    Reading needs s3:GetObject on `<prefix>/exemptions.yaml`, and s3:ListBucket on it, for S3 says
    "denied" of an object that is not there to whoever may not list. Writing needs s3:PutObject.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._name = "/".join(filter(None, (prefix.strip("/"), _NAME)))

    @property
    def place(self) -> str:
        """The object, as people write it."""
        return f"s3://{self._bucket}/{self._name}"

    def read(self) -> ExemptionsFile | None:
        """Read the file; None: there is none."""
        try:
            with aws_errors_translated():
                answer = self._s3.get_object(Bucket=self._bucket, Key=self._name)
                body = answer["Body"].read(LARGEST + 1)
        except NotFound as error:
            # A bucket that is gone is no file without entries.
            if "NoSuchBucket" in str(error):
                raise
            return None
        return read_exemptions_file(body, place=self.place, version=answer["ETag"])

    def write(self, text: str, *, instead_of: str | None) -> None:
        """Put it in the place of the version that was read; None: there was none."""
        condition: _Condition = {"IfMatch": instead_of} if instead_of else {"IfNoneMatch": "*"}
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._name,
                Body=text.encode(),
                ContentType="application/yaml",
                **condition,
            )
