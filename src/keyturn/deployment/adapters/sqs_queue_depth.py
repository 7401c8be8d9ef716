"""How many messages are in a queue."""

from typing import TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType


class SqsQueueDepth:
    """Meets `deployment.ports.QueueDepth`."""

    _MEANINGS: Final = {
        "AWS.SimpleQueueService.NonExistentQueue": NotFound,
        "QueueDoesNotExist": NotFound,
    }

    def __init__(self, sqs: "SQSClient") -> None:
        self._sqs = sqs

    def waiting(self, queue: str) -> int:
        """About how many messages are in it, those that somebody is reading too."""
        counts: list[QueueAttributeNameType] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        with aws_errors_translated(self._MEANINGS):
            url = self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)
        return sum(int(answer["Attributes"][each]) for each in counts)
