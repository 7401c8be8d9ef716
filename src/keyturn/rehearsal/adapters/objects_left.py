"""What rehearsals left in the bucket that was given to them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound, Refused
from keyturn.rehearsal.model.own import FOLDER, RehearsalId, id_in_folder
from keyturn.rehearsal.ports import Found

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_NO_BUCKET = {"NoSuchBucket": NotFound}
AT_ONCE = 1000
"""S3 takes no more in one DeleteObjects."""


class ObjectsLeft:
    """
    Meets `rehearsal.ports.Leftovers`: folders in the bucket, with every version in them.

    Whoever may write to the bucket can make a folder of our form, and a marker in it. So a folder
    is a rehearsal's by its user, who goes last.
    """

    kind = "folder"

    def __init__(
        self, s3: "S3Client", bucket: str, ids: Callable[[], Collection[RehearsalId]]
    ) -> None:
        """ids: of the rehearsals that have a user."""
        self._s3 = s3
        self._bucket = bucket
        self._ids = ids

    def check(self) -> None:
        """
        Ask what the clean-up will ask: what it could not find must not be stored.

        Raises PortError: NotFound where there is no such bucket.
        """
        with aws_errors_translated(_NO_BUCKET):
            self._s3.list_object_versions(Bucket=self._bucket, Prefix=f"{FOLDER}/", MaxKeys=1)

    def look(self, made: Iterable[str]) -> Sequence[Found]:  # noqa: ARG002 -- S3 shows at once what was stored
        """All folders of rehearsals that hold anything; where there is no bucket there is none."""
        try:
            there = list(self._versions(f"{FOLDER}/"))
        except NotFound:
            return ()
        names = {"/".join(each["Key"].split("/")[:2]) for each in there}
        found = [(name, id_in_folder(name)) for name in sorted(names)]
        ids = self._ids() if found else ()
        return [
            Found(
                kind=self.kind,
                name=f"s3://{self._bucket}/{name}",
                id=own,
                not_ours=None if own in ids else "no user of a rehearsal has the id in its name",
            )
            for name, own in found
        ]

    def remove(self, found: Found) -> None:
        """Take away all versions of all objects. Raises Refused where S3 keeps one."""
        if found.id is None:
            return
        all_of_it = list(self._versions(f"{found.id.folder}/"))
        for start in range(0, len(all_of_it), AT_ONCE):
            with aws_errors_translated():
                answer = self._s3.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": all_of_it[start : start + AT_ONCE], "Quiet": True},
                )
            for error in answer.get("Errors", ()):
                raise Refused(f"DeleteObjects: {error.get('Code')}: {error.get('Message')}")

    def _versions(self, prefix: str) -> "Iterator[ObjectIdentifierTypeDef]":
        with aws_errors_translated(_NO_BUCKET):
            pages = self._s3.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            for page in pages:
                for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    yield {"Key": each["Key"], "VersionId": each["VersionId"]}
