"""What probes left in SQS."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import Meanings, aws_errors_translated
from keyturn.domain.errors import NotFound, Refused
from keyturn.rehearsal.model.own import ID_TAG, PREFIX, id_in_name
from keyturn.rehearsal.ports import Found, why_unread

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_GONE: Final[Meanings] = dict.fromkeys(
    ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"), NotFound
)
"""SQS answers 400 and not 404 of a queue that is not there."""


class QueuesLeft:
    """Meets `rehearsal.ports.Leftovers`: queues whose name begins as ours do."""

    kind = "queue"

    def __init__(self, sqs: "SQSClient") -> None:
        self._sqs = sqs

    def look(self, made: Iterable[str]) -> Sequence[Found]:
        """All queues of that beginning, and those that were asked for."""
        with aws_errors_translated():
            pages = self._sqs.get_paginator("list_queues").paginate(QueueNamePrefix=PREFIX)
            names = {url.rpartition("/")[2] for page in pages for url in page.get("QueueUrls", ())}
        looked = (self._found(name) for name in sorted(names | set(made)))
        return [found for found in looked if found is not None]

    def remove(self, found: Found) -> None:
        """Take it away, with what is in it."""
        with suppress(NotFound), aws_errors_translated(_GONE):
            self._sqs.delete_queue(QueueUrl=self._url(found.name))

    def _url(self, name: str) -> str:
        with aws_errors_translated(_GONE):
            return str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def _found(self, name: str) -> Found | None:
        own = id_in_name(name)
        try:
            with aws_errors_translated(_GONE):
                tags = self._sqs.list_queue_tags(QueueUrl=self._url(name)).get("Tags", {})
        except NotFound:
            return None
        except Refused as error:
            return Found(kind=self.kind, name=name, id=own, not_ours=why_unread(error))
        is_ours = own is not None and tags.get(ID_TAG) == own.text
        why = None if is_ours else f"it has no tag {ID_TAG} of the id in its name"
        return Found(kind=self.kind, name=name, id=own, not_ours=why)
