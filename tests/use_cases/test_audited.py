"""That what an operator commands is written down before and after, or not done."""

import pytest

from keyturn.domain.errors import Denied, KeyturnError, OrderNotDone
from keyturn.ports import AuditEntry
from keyturn.use_cases.audited import Audited
from tests.fakes import FakeAudit
from tests.use_cases.harness import MINUTE, START

ENTRY = AuditEntry(entry_id="a1", command="rotate", at=START, by="ops")


def audited(audit: FakeAudit | None, *, urgent: bool = False) -> Audited:
    return Audited(audit=audit, entry=ENTRY, clock=lambda: START + MINUTE, urgent=urgent)


def test_it_is_written_down_before_anything_is_done() -> None:
    audit = FakeAudit()

    with audited(audit) as notes:
        before = [entry.outcome for entry in audit.entries.values()]
        notes.ends("rotated", failed=False)

    assert before == ["begun"]
    [entry] = audit.entries.values()
    assert (entry.outcome, entry.said, entry.ended) == ("done", ("rotated",), START + MINUTE)


def test_what_cannot_be_written_down_is_not_done() -> None:
    audit = FakeAudit(refuses={"write": Denied("PutObject: AccessDenied")})
    done = []

    with pytest.raises(OrderNotDone, match="nothing was done: no audit entry"), audited(audit):
        done.append(True)

    assert done == []


def test_an_emergency_goes_on_and_says_that_it_is_not_on_record() -> None:
    audit = FakeAudit(refuses={"write": Denied("PutObject: AccessDenied")})

    with audited(audit, urgent=True) as notes:
        notes.ends("revoked", failed=False)

    assert [str(error) for error in notes.unwritten] == ["PutObject: AccessDenied"] * 2


def test_a_command_that_fails_is_on_record_with_the_reason() -> None:
    audit = FakeAudit()

    with pytest.raises(KeyturnError), audited(audit):
        raise Denied("TagResource: AccessDenied")

    [entry] = audit.entries.values()
    assert (entry.outcome, entry.said) == ("failed", ("TagResource: AccessDenied",))


def test_what_is_no_error_of_ours_is_named_without_its_words() -> None:
    audit = FakeAudit()

    with pytest.raises(KeyboardInterrupt), audited(audit):
        raise KeyboardInterrupt("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")

    [entry] = audit.entries.values()
    assert entry.said == ("it broke off: KeyboardInterrupt",)


def test_without_a_bucket_nothing_is_kept_and_all_is_done() -> None:
    with audited(None) as notes:
        notes.ends("rotated", failed=False)

    assert notes.unwritten == []
