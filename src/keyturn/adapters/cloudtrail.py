"""From where a key is used, by CloudTrail's event history of its account."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain import names
from keyturn.domain.errors import PortError, Throttled
from keyturn.domain.key_usage import Caller, Trail, caller
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.ports import Clock
from keyturn.ports.sending import Turns

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

MOST_CALLERS: Final = 3
"""As many as a mail names."""
MOST_REGIONS: Final = 2
"""Calls for a key: there is one a region."""
EVENTS_READ: Final = 20
"""Of a region: the latest of a key; they are often of one program."""
BUDGET: Final = timedelta(seconds=60)
"""Of a run: keys that come later are not looked up, so that notices go out in time."""

PAGE: Final = 50
"""Events: AWS gives no more at once."""
TRIES: Final = 5
BEHIND_A_THROTTLE: Final = 2.0
"""Seconds."""
LONGEST_TURN: Final = 3600.0
"""Seconds: whoever asks here waits."""

_Found = tuple[datetime, Caller]


class CloudTrailHistory:
    """
    Meets `ports.CallHistory`, for one run over one account.

    AWS takes two lookups a second in each account and region, from all who look. So there is one
    lookup at a time, each in its turn, and a region that did not answer is not asked again.
    Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
    """

    def __init__(
        self,
        client: "Callable[[str], CloudTrailClient]",
        regions: Sequence[str],
        *,
        turns: Turns,
        clock: Clock,
        sleep: Callable[[float], None],
    ) -> None:
        """
        Look up nothing yet.

        client: makes the client of a region.
        regions: where calls are looked up beside the region of the last use.
        """
        self._client = client
        self._regions = regions
        self._turns = turns
        self._clock = clock
        self._sleep = sleep
        self._lock = Lock()
        self._ends: datetime | None = None
        self._closed: set[str] = set()

    def of(self, key_id: str, region: str | None) -> Trail:
        """The last callers of a key: one lookup in each of two regions."""
        near = (region,) if region and names.REGION.fullmatch(region) else ()
        found: list[_Found] = []
        unread = False
        with self._lock:
            for each in list(dict.fromkeys((*near, *self._regions)))[:MOST_REGIONS]:
                try:
                    calls, is_whole = self._in_region(each, key_id)
                except PortError:
                    self._closed.add(each)
                    unread = True
                else:
                    found += calls
                    unread = unread or not is_whole
        found.sort(key=lambda call: call[0], reverse=True)
        latest = tuple(dict.fromkeys(who for _, who in found))[:MOST_CALLERS]
        return Trail(callers=latest, unread=unread)

    def _in_region(self, region: str, key_id: str) -> tuple[list[_Found], bool]:
        self._wait(region)
        with aws_errors_translated():
            answer = self._client(region).lookup_events(
                LookupAttributes=[{"AttributeKey": "AccessKeyId", "AttributeValue": key_id}],
                MaxResults=EVENTS_READ,
            )
        return _read(answer.get("Events", []))

    def _wait(self, region: str) -> None:
        now = self._clock()
        self._ends = self._ends or now + BUDGET
        left = (self._ends - now).total_seconds()
        turn = None if region in self._closed else self._turns.take_turn(within=max(left, 0))
        if turn is None or left <= 0:
            raise Throttled(f"CloudTrail in {region} is not asked any more in this run")
        self._sleep(turn)


class EventHistory:
    """
    Meets `ports.EventHistory`: page by page, each in its turn, for who can wait.

    AWS throttles all who look in an account and region together, so a page is asked for again.
    """

    def __init__(
        self,
        client: "Callable[[str], CloudTrailClient]",
        *,
        turns: Callable[[], Turns],
        sleep: Callable[[float], None],
    ) -> None:
        """turns: makes those of a region; each has its own."""
        self._client = client
        self._make_turns = turns
        self._sleep = sleep
        self._turns: dict[str, Turns] = {}

    def pages(
        self, region: str, by: str, value: str, *, since: datetime, until: datetime
    ) -> Iterator[Sequence[Mapping[str, Any]]]:
        """The events, the latest first, page by page."""
        token: dict[str, Any] = {}
        while True:
            with aws_errors_translated():
                answer = self._asked(region, by, value, since, until, token)
            yield answer.get("Events", [])
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}

    def _asked(  # noqa: PLR0913, PLR0917 -- what a page is asked for by
        self,
        region: str,
        by: Any,  # noqa: ANN401 -- a word of AWS's
        value: str,
        since: datetime,
        until: datetime,
        token: Mapping[str, Any],
    ) -> Any:  # noqa: ANN401 -- boto3's own form
        for _ in range(TRIES):
            turns = self._turns.setdefault(region, self._make_turns())
            self._sleep(turns.take_turn(within=LONGEST_TURN) or 0)
            with suppress(Throttled), aws_errors_translated():
                return self._client(region).lookup_events(
                    LookupAttributes=[{"AttributeKey": by, "AttributeValue": value}],
                    StartTime=since,
                    EndTime=until,
                    MaxResults=PAGE,
                    **token,
                )
            self._sleep(BEHIND_A_THROTTLE)
        raise Throttled(f"CloudTrail in {region} takes no more lookups now")


def _read(events: Iterable[Mapping[str, Any]]) -> tuple[list[_Found], bool]:
    """The calls of an answer, and whether all of it could be read."""
    found, is_whole = [], True
    for event in events:
        try:
            told = read_json(event["CloudTrailEvent"])
            who = caller(told["sourceIPAddress"], told["userAgent"], told["eventSource"])
            found.append((event["EventTime"], who))
        except (NotReadableError, KeyError, TypeError):
            is_whole = False
    return found, is_whole
