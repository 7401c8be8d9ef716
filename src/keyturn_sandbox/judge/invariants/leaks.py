"""7: no secret gets out."""

from collections.abc import Iterator

from keyturn_sandbox.judge.evidence import Evidence, all_of
from keyturn_sandbox.judge.history import ReplayedHistory
from keyturn_sandbox.judge.invariants import Fact
from keyturn_sandbox.judge.invariants.calls import format_utc
from keyturn_sandbox.judge.secret_scanner import SecretScanner


def no_secret_gets_out(history: ReplayedHistory) -> Iterator[Fact]:
    """7: logs, mails and pages hold no secret access key, in no form."""
    scanner = SecretScanner(history.evidence.secret_values)
    for name, content in _all_texts(history.evidence):
        leaked = sorted({key_id for key_id, _ in scanner.find(content)})
        yield f"{name} holds the secret of {', '.join(leaked)}" if leaked else None


def _all_texts(evidence: Evidence) -> Iterator[tuple[str, str]]:
    yield from evidence.texts
    for mail in evidence.mails:
        yield f"the mail to {', '.join(mail.to)} of {format_utc(mail.at)}", all_of(mail)
