"""The owners file: an object of the bucket, `<prefix>/owners.yaml` or `<prefix>/owners.csv`."""

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.file_problem import FileProblem
from keyturn.domain.owners_file import OwnersFile
from keyturn.schemas.owners_file import LARGEST, FileForm, read_owners_file

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_FORMS: Final = {f"owners.{form}": form for form in FileForm}
_MISSPELT: Final = "owners.yml"


class S3OwnersFile:
    """
    Meets `ports.OwnersFileStore`, and keeps what it read for as long as the object is the same.

    It needs s3:ListBucket on `<prefix>/owners.` and s3:GetObject on `<prefix>/owners.*`.
    """

    def __init__(
        self,
        s3: "S3Client",
        *,
        bucket: str,
        prefix: str = "",
        allows: Callable[[str], bool] = lambda _address: True,
    ) -> None:
        """allows: whether owners may have an address."""
        self._s3 = s3
        self._bucket = bucket
        self._folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._allows = allows
        self._kept: OwnersFile | None = None
        self._lock = Lock()

    def read(self) -> OwnersFile | None:
        """Read the file; None: there is none."""
        with aws_errors_translated():
            answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=f"{self._folder}owners.")
        objects = answer.get("Contents", [])
        etags = {each["Key"].removeprefix(self._folder): each["ETag"] for each in objects}
        ours = [name for name in _FORMS if name in etags]
        if not ours:
            return self._useless(_MISSPELT, "name it owners.yaml") if _MISSPELT in etags else None
        if len(ours) > 1:
            return self._useless(ours[0], f"{ours[1]} is there, too: delete one of the two")
        with self._lock:
            if self._kept is None or etags[ours[0]] != self._kept.version:
                self._kept = self._read(ours[0])
            return self._kept

    def _read(self, name: str) -> OwnersFile:
        with aws_errors_translated():
            answer = self._s3.get_object(Bucket=self._bucket, Key=f"{self._folder}{name}")
            body = answer["Body"].read(LARGEST + 1)
        return read_owners_file(
            body,
            _FORMS[name],
            place=self._place(name),
            version=answer["ETag"],
            allows=self._allows,
        )

    def _useless(self, name: str, why: str) -> OwnersFile:
        return OwnersFile(place=self._place(name), problems=(FileProblem(line=0, text=why),))

    def _place(self, name: str) -> str:
        return f"s3://{self._bucket}/{self._folder}{name}"
