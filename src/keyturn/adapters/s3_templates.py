"""The mail templates that operators put into the bucket, in the place of ours."""

from itertools import chain
from typing import TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import Refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ENDINGS: Final = (".txt", ".html")
_LARGEST: Final = 256 * 1024
"""Bytes; ours have 20 KB at most."""
_MOST: Final = 200
"""Files; ours are some 30."""


class S3Templates:
    """
    Reads `<prefix>/Template/`.

    Needs s3:ListBucket on that prefix and s3:GetObject on what is stored there.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._pages = s3.get_paginator("list_objects_v2")
        self._bucket = bucket
        self._root = "/".join(filter(None, (prefix.strip("/"), "Template"))) + "/"

    def read(self) -> dict[str, str]:
        """
        Every template there, name below the folder → text; none is the usual case.

        Raises Refused where there are more than 200, one has more than 256 KB, or is not UTF-8.
        """
        with aws_errors_translated():
            pages = self._pages.paginate(Bucket=self._bucket, Prefix=self._root)
            found = list(chain.from_iterable(page.get("Contents", []) for page in pages))
        found = [each for each in found if each["Key"].endswith(_ENDINGS)]
        if len(found) > _MOST:
            raise Refused(f"{self._root} has {len(found)} templates, the most are {_MOST}")
        return {
            each["Key"].removeprefix(self._root): self._text(each["Key"], each["Size"])
            for each in found
        }

    def _text(self, name: str, size: int) -> str:
        if size > _LARGEST:
            raise Refused(f"{name} has {size} bytes, the most for a template is {_LARGEST}")
        with aws_errors_translated():
            body = self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        try:
            return body.decode()
        except UnicodeDecodeError:
            raise Refused(f"{name} is not UTF-8") from None
