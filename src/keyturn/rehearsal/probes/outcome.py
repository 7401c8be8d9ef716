"""
What a probe came to, whatever AWS answered; there is no fourth verdict, and no stack trace.

Denied, throttled, out of quota, unanswered: then nobody knows how AWS behaves, and the probe was
not tried. Any other refusal that the probe did not expect, and an answer of another form, is
another behaviour. AWS's own messages are left out: they repeat names, ARNs and accounts.
"""

from collections.abc import Callable, Collection, Iterator
from http import HTTPStatus
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from keyturn.domain.errors import InvalidValue
from keyturn.rehearsal.model.verdict import Different, Finding, NotTried, Verdict
from keyturn.rehearsal.probes.bench import Bench, code_of
from keyturn.rehearsal.probes.catalogue import PROBES
from keyturn.rehearsal.probes.probe import Probe

_DENIED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_QUOTA: Final = ("LimitExceeded", "ServiceQuotaExceeded", "TooMany", "QueueDeletedRecently")
_THROTTLES: Final = ("Throttl", "RequestThrottl", "RequestLimitExceeded", "SlowDown")
_NO_SUCH_CALL: Final = ("InvalidAction", "UnknownOperation")
_ODD: Final = (LookupError, TypeError, ValueError, AttributeError)
"""What reading an answer raises that is built otherwise than AWS documents it."""


def chosen(only: Collection[str]) -> tuple[Probe, ...]:
    """
    The probes of these names, in the order of the list; none named: all.

    Raises InvalidValue for a name that no probe has.
    """
    known = {probe.name for probe in PROBES}
    for name in only:
        if name not in known:
            raise InvalidValue("only", name, f"must be one of {', '.join(sorted(known))}")
    return tuple(probe for probe in PROBES if not only or probe.name in only)


def try_all(
    probes: Collection[Probe], bench: Bench, calls: Callable[[], int]
) -> Iterator[Finding]:
    """Try probes one after the other. calls: how many calls were made so far."""
    for probe in probes:
        yield try_one(probe, bench, calls)


def try_one(probe: Probe, bench: Bench, calls: Callable[[], int]) -> Finding:
    """Try one probe."""
    begun, before = bench.seconds(), calls()
    verdict, said = _verdict(probe, bench)
    means = f"{said}. {probe.otherwise}" if verdict is Verdict.DIFFERENT else said
    is_tried = verdict is not Verdict.NOT_TRIED
    return Finding(
        name=probe.name,
        title=probe.claim,
        verdict=verdict,
        seen=means if is_tried else "",
        why="" if is_tried else said,
        seconds=bench.seconds() - begun,
        calls=calls() - before,
        source=probe.source,
    )


def _verdict(probe: Probe, bench: Bench) -> tuple[Verdict, str]:
    try:
        return Verdict.AS_EXPECTED, probe.run(bench)
    except Different as different:
        return Verdict.DIFFERENT, str(different)
    except NotTried as not_tried:
        return Verdict.NOT_TRIED, str(not_tried)
    except ClientError as error:
        return _refused(error)
    except (BotoCoreError, ResponseParserError) as error:
        return Verdict.NOT_TRIED, f"AWS did not answer ({type(error).__name__})"
    except _ODD as error:
        return Verdict.DIFFERENT, f"an answer has another form ({type(error).__name__})"


def _refused(error: ClientError) -> tuple[Verdict, str]:
    """What a refusal means that the probe did not expect."""
    code, call = code_of(error), error.operation_name
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code.startswith(_THROTTLES) or status == HTTPStatus.TOO_MANY_REQUESTS:
        return Verdict.NOT_TRIED, f"{call} was throttled"
    if code.startswith("AccessDenied") or status in _DENIED:
        return Verdict.NOT_TRIED, f"{call} was denied ({code})"
    if code.startswith(_QUOTA):
        return Verdict.NOT_TRIED, f"{call}: a quota of the account is used up ({code})"
    if code.startswith(_NO_SUCH_CALL):
        return Verdict.NOT_TRIED, f"there is no {call} here"
    if status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Verdict.NOT_TRIED, f"{call} was not answered ({code})"
    return Verdict.DIFFERENT, f"{call} was refused ({code})"
