"""
What a probe came to, whatever AWS answered; there is no fourth verdict, and no stack trace.

Denied, throttled, out of quota, unanswered: then nobody knows how AWS behaves, and the probe was
not tried. Any other refusal that the probe did not expect, and an answer of another form, is
another behaviour. AWS's own messages are left out: they repeat names, ARNs and accounts.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from keyturn.rehearsal.model.verdict import Different, Finding, NotTried, Verdict
from keyturn.rehearsal.probes.bench import Bench, code_of
from keyturn.rehearsal.probes.probe import Probe, Try

_DENIED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_QUOTA: Final = ("LimitExceeded", "ServiceQuotaExceeded", "TooMany", "QueueDeletedRecently")
_THROTTLES: Final = ("Throttl", "RequestThrottl", "RequestLimitExceeded", "SlowDown")
_NO_SUCH_CALL: Final = ("InvalidAction", "UnknownOperation")
_ODD: Final = (LookupError, TypeError, ValueError, AttributeError)
"""What reading an answer raises that is built otherwise than AWS documents it."""


def try_all(
    probes: Collection[Probe],
    bench: Bench,
    calls: Callable[[], int],
    say: Callable[[str], None] = lambda _line: None,
) -> Iterator[Finding]:
    """
    Try probes one after the other.

    First a user is made by whom the clean-up finds the rest (clean_up.py). Without them nothing is
    tried: something could be left that nobody finds.

    Args:
        probes: which.
        bench: where.
        calls: how many calls were made so far.
        say: gets a line of progress.

    """
    verdict, said = _verdict(_make_anchor, bench)
    for probe in probes:
        if verdict is Verdict.AS_EXPECTED:
            say(probe.name)
            yield try_one(probe, bench, calls)
        else:
            why = f"no user could be made by whom the clean-up finds the rest: {said}"
            yield _finding(probe, Verdict.NOT_TRIED, why)


def _make_anchor(bench: Bench) -> str:
    return bench.make_user("probes")


def try_one(probe: Probe, bench: Bench, calls: Callable[[], int]) -> Finding:
    """Try one probe."""
    begun, before = bench.seconds(), calls()
    verdict, said = _verdict(probe.run, bench)
    found = _finding(probe, verdict, said)
    return replace(found, seconds=bench.seconds() - begun, calls=calls() - before)


def _finding(probe: Probe, verdict: Verdict, said: str) -> Finding:
    means = f"{said}. {probe.otherwise}" if verdict is Verdict.DIFFERENT else said
    is_tried = verdict is not Verdict.NOT_TRIED
    return Finding(
        name=probe.name,
        title=probe.claim,
        verdict=verdict,
        seen=means if is_tried else "",
        why="" if is_tried else said,
        source=probe.source,
    )


def _verdict(run: Try, bench: Bench) -> tuple[Verdict, str]:
    try:
        return Verdict.AS_EXPECTED, run(bench)
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
    why = _why_it_tells_nothing(code, status)
    if why is not None:
        return Verdict.NOT_TRIED, f"{call} {why}"
    return Verdict.DIFFERENT, f"{call} was refused ({code})"


def _why_it_tells_nothing(code: str, status: int | None) -> str | None:
    """Why a refusal says nothing of how AWS behaves, behind the call's name; None: it does."""
    is_lost = status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    is_too_fast = code.startswith(_THROTTLES) or status == HTTPStatus.TOO_MANY_REQUESTS
    reasons = (
        (is_too_fast, "was throttled"),
        (code.startswith("AccessDenied") or status in _DENIED, f"was denied ({code})"),
        (code.startswith(_QUOTA), f"met a quota of the account ({code})"),
        # An endpoint may be some seconds late, and no probe takes this code for an answer unasked.
        (code == "NoSuchEntity", f"does not find yet what was just made ({code})"),
        (code.startswith(_NO_SUCH_CALL), f"is not offered here ({code})"),
        (is_lost, f"was not answered ({code})"),
    )
    return next((why for holds, why in reasons if holds), None)
