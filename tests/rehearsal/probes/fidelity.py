"""
How true to AWS the AWSs on this machine are: the same probes, tried on each of them.

`python -m tests.rehearsal.probes.fidelity` writes docs/fidelity.md anew. The columns of ministack
it takes from the page, for `make e2e` tries them; with `ministack` it tries them, too.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from keyturn.rehearsal.model.verdict import Finding, NotTried, Verdict
from keyturn.rehearsal.probes.bench import Bench
from keyturn.rehearsal.probes.catalogue import PROBES
from keyturn.rehearsal.probes.outcome import try_all
from keyturn.rehearsal.probes.probe import Try
from tests.e2e.emulator import running
from tests.rehearsal.probes.mends import MENDED, MENDS, MINISTACK, MOTO, SANDBOX
from tests.rehearsal.probes.places import (
    ACCOUNT,
    BUCKET,
    SEAL_KEY,
    Place,
    Waiting,
    bare_moto,
    in_sandbox,
    key_session,
    place,
    sandbox,
)

PAGE: Final = Path(__file__).parents[3] / "docs" / "fidelity.md"
COLUMNS: Final = (MOTO, SANDBOX, MINISTACK, MENDED)
WORDS: Final = {
    Verdict.AS_EXPECTED: "yes",
    Verdict.DIFFERENT: "**different**",
    Verdict.NOT_TRIED: "not tried",
}
_VERDICTS: Final = {word: verdict for verdict, word in WORDS.items()}
_ROW: Final = re.compile(
    r"^\| `([\w-]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE
)
_TABLE: Final = re.compile(r"(?<=<!-- table:start -->\n).*(?=<!-- table:end -->)", re.DOTALL)

Verdicts = Mapping[str, Mapping[str, Verdict]]
"""Column → probe → verdict."""


def findings_in(here: Place) -> dict[str, Finding]:
    """Try all probes in a place: probe → what came of it."""
    probes = [replace(probe, run=_if_there(probe.run)) for probe in PROBES]
    findings = try_all(probes, here.bench, lambda: here.guard.calls)
    return {each.name: each for each in findings}


def _if_there(run: Try) -> Try:
    def tried(bench: Bench) -> str:
        try:
            return run(bench)
        except NotImplementedError:  # moto's word for a call that it has not
            raise NotTried("there is no such call") from None

    return tried


def on_moto() -> dict[str, Finding]:
    """Try all probes on moto alone."""
    with bare_moto() as here:
        return findings_in(here)


def on_sandbox() -> dict[str, Finding]:
    """Try all probes on the sandbox: moto with keyturn_sandbox.emulator before it."""
    with sandbox() as cloud:
        return findings_in(in_sandbox(cloud))


def on_ministack(folder: Path, *, mended: bool) -> dict[str, Finding]:
    """Try all probes on ministack, which enforces IAM, as the account's administrator."""
    waiting = Waiting()
    with running(folder, AUTH="true", MEND="yes" if mended else "no") as aws:
        where: Any = {"endpoint_url": aws.endpoint, "verify": aws.certificate}
        operator = key_session(ACCOUNT, "not-a-secret")
        operator.client("s3", **where).create_bucket(Bucket=BUCKET)
        kms = operator.client("kms", **where)
        made = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        kms.create_alias(AliasName=SEAL_KEY, TargetKeyId=made["KeyMetadata"]["KeyId"])
        here = place(
            key_session(ACCOUNT, "not-a-secret"),
            key_session,
            clock=lambda: datetime.now(UTC),
            sleep=waiting.sleep,
            seconds=lambda: waiting.passed,
            made=lambda session, service: session.client(service, **where),  # type: ignore[call-overload]  # any service
        )
        return findings_in(here)


def recorded() -> Verdicts:
    """What the page says: column → probe → verdict."""
    rows = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {
        column: {row[0]: _VERDICTS[row[number]] for row in rows if row[number] in _VERDICTS}
        for number, column in enumerate(COLUMNS, start=1)
    }


def table(verdicts: Verdicts) -> str:
    """The page's tables: each probe on each AWS, and each difference with what mends it."""
    lines = [
        f"| probe | {' | '.join(COLUMNS)} |",
        f"| --- |{' --- |' * len(COLUMNS)}",
        *(
            f"| `{probe.name}` | "
            + " | ".join(_word(verdicts.get(column, {}).get(probe.name)) for column in COLUMNS)
            + " |"
            for probe in PROBES
        ),
        "",
        "| where | probe | what mends it, or what it means |",
        "| --- | --- | --- |",
        *(f"| {where} | `{probe}` | {text} |" for (where, probe), text in _in_order(MENDS)),
    ]
    return "\n".join(["", *lines, "", ""])


def _word(verdict: Verdict | None) -> str:
    return "-" if verdict is None else WORDS[verdict]


def _in_order(mends: Mapping[tuple[str, str], str]) -> Sequence[tuple[tuple[str, str], str]]:
    names = [probe.name for probe in PROBES]
    return sorted(
        mends.items(), key=lambda item: (COLUMNS.index(item[0][0]), names.index(item[0][1]))
    )


def page(text: str, verdicts: Verdicts) -> str:
    """The page with these tables in it."""
    return _TABLE.sub(lambda _: table(verdicts), text)


def verdicts_of(findings: Iterable[Finding]) -> dict[str, Verdict]:
    """Probe → verdict."""
    return {each.name: each.verdict for each in findings}


def main() -> None:
    """Write the page anew."""
    live = {
        MOTO: verdicts_of(on_moto().values()),
        SANDBOX: verdicts_of(on_sandbox().values()),
    }
    if "ministack" in sys.argv[1:]:
        for column in (MINISTACK, MENDED):
            with TemporaryDirectory() as folder:
                found = on_ministack(Path(folder), mended=column == MENDED)
            live[column] = verdicts_of(found.values())
            for each in found.values():
                if each.verdict is not Verdict.AS_EXPECTED:
                    sys.stdout.write(f"{column}: {each.name}: {each.said}\n")
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page(text, {**recorded(), **live}), encoding="utf-8")


if __name__ == "__main__":
    main()
