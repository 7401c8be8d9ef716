"""
SQS as the sandbox needs it: standard and FIFO queues, time-outs and dead letters.

moto's SQS (5.2.5) forgets a deduplication when its message is deleted, refuses a batch as a whole,
answers strangers as if there were no queue, and waits for messages while everything else stands
still; and each call takes it longer the more messages there are (1,000 sent and taken: 38 s; here
0.2 s). docs/decisions/0032 has the whole list.

Sources are pages of https://docs.aws.amazon.com/AWSSimpleQueueService/latest/, APIReference/
and SQSDeveloperGuide/.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, Params

_REMEMBERED = timedelta(minutes=5)  # FIFO-queues-exactly-once-processing.html
_MESSAGES_PER_CALL = 10  # API_ReceiveMessage.html, API_SendMessageBatch.html
_LARGEST_MESSAGE = 1024 * 1024  # quotas-messages.html
_DEFAULTS = {"VisibilityTimeout": "30", "DelaySeconds": "0"}  # API_CreateQueue.html


@dataclass(slots=True, kw_only=True)
class Message:
    """A message in a queue; `visible` is when it may be received, `receipt` of whom has it."""

    message_id: str
    body: str
    sent: datetime
    visible: datetime
    group: str | None
    deduplication: str | None
    received: int = 0
    receipt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalQueue:
    """A queue, in the order in which messages came."""

    account: str
    region: str
    name: str
    attributes: dict[str, str]
    tags: dict[str, str] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    deduplications: dict[str, Message] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """By which other services name it."""
        return f"arn:aws:sqs:{self.region}:{self.account}:{self.name}"

    @property
    def url(self) -> str:
        """By which SQS's own calls name it."""
        return f"https://sqs.{self.region}.amazonaws.com/{self.account}/{self.name}"

    @property
    def is_fifo(self) -> bool:
        """Whether it keeps the order of each group, and takes no double for five minutes."""
        return self.name.endswith(".fifo")


class Queues:
    """Answers the calls about queues and messages."""

    def __init__(self) -> None:
        self.queues: dict[str, LocalQueue] = {}  # by ARN

    def answers(self) -> Mapping[str, Callable[[ApiRequest], Params]]:
        """The calls that are answered here: operation → what answers it."""
        return {
            "CreateQueue": self._create,
            "DeleteQueue": self._delete_queue,
            "ListQueues": self._list_queues,
            "ListQueueTags": lambda request: {"Tags": self._queue(request).tags},
            "GetQueueUrl": self._get_url,
            "GetQueueAttributes": self._get_attributes,
            "SetQueueAttributes": self._set_attributes,
            "SendMessage": self._send,
            "SendMessageBatch": self._send_batch,
            "ReceiveMessage": self._receive,
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": self._delete_batch,
            "ChangeMessageVisibility": self._change_visibility,
        }

    def put(self, arn: str, body: str, now: datetime, *, group: str | None = None) -> None:
        """Put a message into a queue, as other services do."""
        params = {"MessageBody": body, "MessageGroupId": group}
        _enqueue(self.queues[arn], {k: v for k, v in params.items() if v is not None}, now)

    def _create(self, request: ApiRequest) -> Params:
        queue = LocalQueue(
            account=request.account,
            region=request.region,
            name=request.params["QueueName"],
            attributes={**_DEFAULTS, **request.params.get("Attributes", {})},
            tags=dict(request.params.get("tags", {})),
        )
        existing = self.queues.setdefault(queue.arn, queue)
        if existing.attributes != queue.attributes:
            raise ApiError(
                "QueueAlreadyExists", "A queue already exists with the same name and other values."
            )
        return {"QueueUrl": existing.url}

    def _delete_queue(self, request: ApiRequest) -> Params:
        del self.queues[self._queue(request).arn]
        return {}

    def _list_queues(self, request: ApiRequest) -> Params:
        prefix = request.params.get("QueueNamePrefix", "")
        mine = (
            queue.url
            for queue in self.queues.values()
            if queue.account == request.account and queue.name.startswith(prefix)
        )
        return {"QueueUrls": sorted(mine)}

    def _get_url(self, request: ApiRequest) -> Params:
        owner = request.params.get("QueueOwnerAWSAccountId", request.account)
        name = request.params["QueueName"]
        return {"QueueUrl": self._at(f"arn:aws:sqs:{request.region}:{owner}:{name}").url}

    def _get_attributes(self, request: ApiRequest) -> Params:
        queue, wanted = self._queue(request), request.params.get("AttributeNames", [])
        hidden = sum(message.visible > request.at for message in queue.messages)
        attributes = {
            **queue.attributes,
            "QueueArn": queue.arn,
            "ApproximateNumberOfMessages": str(len(queue.messages) - hidden),
            "ApproximateNumberOfMessagesNotVisible": str(hidden),
            # Nobody asks for a delay here.
            "ApproximateNumberOfMessagesDelayed": "0",
        }
        return {"Attributes": _picked(attributes, wanted)}

    def _set_attributes(self, request: ApiRequest) -> Params:
        self._queue(request).attributes.update(request.params["Attributes"])
        return {}

    def _send(self, request: ApiRequest) -> Params:
        return _enqueue(self._queue(request), request.params, request.at)

    def _send_batch(self, request: ApiRequest) -> Params:
        queue = self._queue(request)
        return _each(request, lambda entry: _enqueue(queue, entry, request.at))

    def _receive(self, request: ApiRequest) -> Params:
        # Nobody but us could send a message meanwhile, so WaitTimeSeconds is not waited.
        queue, params = self._queue(request), request.params
        count = params.get("MaxNumberOfMessages", 1)
        if not 1 <= count <= _MESSAGES_PER_CALL:
            raise ApiError(
                "InvalidParameterValue", "MaxNumberOfMessages must be between 1 and 10."
            )
        seconds = params.get("VisibilityTimeout", queue.attributes["VisibilityTimeout"])
        names = params.get("MessageSystemAttributeNames") or params.get("AttributeNames", [])
        self._move_dead_letters(queue, request.at)
        taken = _visible(queue, request.at)[:count]
        for message in taken:
            message.received += 1
            message.receipt = str(uuid4())
            message.visible = request.at + timedelta(seconds=int(seconds))
        return {"Messages": [_received(message, names) for message in taken] or None}

    def _delete(self, request: ApiRequest) -> Params:
        _remove(self._queue(request), request.params["ReceiptHandle"])
        return {}

    def _delete_batch(self, request: ApiRequest) -> Params:
        queue = self._queue(request)
        return _each(request, lambda entry: _remove(queue, entry["ReceiptHandle"]))

    def _change_visibility(self, request: ApiRequest) -> Params:
        receipt = request.params["ReceiptHandle"]
        for message in self._queue(request).messages:
            if message.receipt == receipt:
                seconds = request.params["VisibilityTimeout"]
                message.visible = request.at + timedelta(seconds=int(seconds))
                return {}
        raise ApiError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")

    def _move_dead_letters(self, queue: LocalQueue, now: datetime) -> None:
        """
        Move what was received too often to the dead-letter queue.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
        """
        redrive = json.loads(queue.attributes.get("RedrivePolicy", "null"))
        if redrive is None:
            return
        most = int(redrive["maxReceiveCount"])
        for message in [m for m in queue.messages if m.visible <= now and m.received >= most]:
            queue.messages.remove(message)
            message.receipt = None
            self._at(redrive["deadLetterTargetArn"]).messages.append(message)

    def _queue(self, request: ApiRequest) -> LocalQueue:
        account, name = request.params["QueueUrl"].rsplit("/", 2)[-2:]
        queue = self._at(f"arn:aws:sqs:{request.region}:{account}:{name}")
        if queue.account != request.account:
            # Without a queue policy, and there are none here, only the owner's account gets in:
            # SQSDeveloperGuide/sqs-basic-examples-of-sqs-policies.html
            raise ApiError("AccessDenied", "Access to the resource is denied.", 403)
        return queue

    def _at(self, arn: str) -> LocalQueue:
        if queue := self.queues.get(arn):
            return queue
        raise ApiError(
            "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."
        )


def _enqueue(queue: LocalQueue, params: Params, now: datetime) -> Params:
    body, group = params["MessageBody"], params.get("MessageGroupId")
    if len(body.encode()) > _LARGEST_MESSAGE:
        raise ApiError("InvalidParameterValue", "One or more parameters are invalid: too long.")
    if "MessageAttributes" in params:
        raise NotImplementedError("the sandbox's queues carry no message attributes")
    deduplication = _deduplication(queue, params) if queue.is_fifo else None
    if queue.is_fifo and group is None:
        raise ApiError(
            "MissingParameter", "The request must contain the parameter MessageGroupId."
        )
    delay = int(params.get("DelaySeconds", queue.attributes["DelaySeconds"]))
    message = Message(
        message_id=str(uuid4()),
        body=body,
        sent=now,
        visible=now + timedelta(seconds=delay),
        group=group,
        deduplication=deduplication,
    )
    earlier = queue.deduplications.get(deduplication) if deduplication else None
    if earlier and now - earlier.sent < _REMEMBERED:
        message = earlier  # accepted, but not delivered again
    else:
        queue.messages.append(message)
        if deduplication:
            queue.deduplications[deduplication] = message
    digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    return {"MessageId": message.message_id, "MD5OfMessageBody": digest}


def _deduplication(queue: LocalQueue, params: Params) -> str:
    if given := params.get("MessageDeduplicationId"):
        return str(given)
    if queue.attributes.get("ContentBasedDeduplication") == "true":
        return hashlib.sha256(params["MessageBody"].encode()).hexdigest()
    raise ApiError(
        "InvalidParameterValue",
        "The queue should either have ContentBasedDeduplication enabled or "
        "MessageDeduplicationId provided explicitly",
    )


def _visible(queue: LocalQueue, now: datetime) -> list[Message]:
    """
    Give what may be received, first come first.

    "When you receive a message with a message group ID, no more messages for the same message
    group ID are returned unless you delete the message or it becomes visible."
    SQSDeveloperGuide/using-messagegroupid-property.html
    """
    hidden = [message for message in queue.messages if message.visible > now]
    blocked = {message.group for message in hidden} if queue.is_fifo else set()
    return [
        message
        for message in queue.messages
        if message.visible <= now and message.group not in blocked
    ]


def _received(message: Message, names: list[str]) -> Params:
    attributes = {
        "ApproximateReceiveCount": str(message.received),
        "SentTimestamp": str(int(message.sent.timestamp() * 1000)),
        "MessageGroupId": message.group,
        "MessageDeduplicationId": message.deduplication,
    }
    known = {name: value for name, value in attributes.items() if value is not None}
    return {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest(),
        "Body": message.body,
        "Attributes": _picked(known, names),
    }


def _remove(queue: LocalQueue, receipt: str) -> Params:
    # API_DeleteMessage.html: what is gone already counts as deleted.
    for message in queue.messages:
        if message.receipt == receipt:
            queue.messages.remove(message)
            break
    return {}


def _each(request: ApiRequest, perform: Callable[[Params], Params]) -> Params:
    """Perform the entries of a batch; one that is refused does not stop the others."""
    entries = request.params["Entries"]
    if len(entries) > _MESSAGES_PER_CALL:
        raise ApiError(
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10.",
        )
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise ApiError(
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id repeated in the batch."
        )
    done, failed = [], []
    for entry in entries:
        try:
            done.append({"Id": entry["Id"], **perform(entry)})
        except ApiError as refusal:
            failed.append(
                {
                    "Id": entry["Id"],
                    "Code": refusal.code,
                    "Message": refusal.message,
                    "SenderFault": True,
                }
            )
    return {"Successful": done, "Failed": failed}


def _picked(attributes: Mapping[str, str], names: list[str]) -> Mapping[str, str]:
    if "All" in names:
        return attributes
    return {name: value for name, value in attributes.items() if name in names}
