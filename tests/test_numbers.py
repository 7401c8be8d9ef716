"""
Every number that stands by itself in the engine, a second time.

Limits, windows and sizes are promises: other tests go by their names, so that one that changes
unseen would change them with it. To change a number is to change it here, on purpose.
"""

import ast
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src"
NUMBERS: dict[str, float | timedelta] = {
    "keyturn.adapters.channels.email.SAFE_RATE": 1,
    "keyturn.adapters.channels.email.RATE_KNOWN_FOR": timedelta(hours=1),
    "keyturn.adapters.channels.email.ASKED_AGAIN_AFTER": timedelta(minutes=5),
    "keyturn.adapters.channel_secret.KEPT": timedelta(minutes=5),
    "keyturn.adapters.channels.jira._COMMENTS_READ": 20,
    "keyturn.adapters.channels.jira._ISSUES_READ": 50,
    "keyturn.adapters.channels.jira._LONGEST_LINE": 2000,
    "keyturn.adapters.channels.jira._LONGEST_TEXT": 30_000,
    "keyturn.adapters.channels.jira._MARK_LENGTH": 12,
    "keyturn.adapters.channels.jira._MOST_PAGES": 5,
    "keyturn.adapters.channels.jira._WIDTH": 100,
    "keyturn.wiring.JIRA_ISSUES": 1.0,
    "keyturn.adapters.s3_conversations.RESERVED_FOR": timedelta(minutes=15),
    "keyturn.adapters.channels.slack.KNOWN_FOR": timedelta(hours=1),
    "keyturn.adapters.channels.slack.SECONDS": 10,
    "keyturn.adapters.channels.slack._LONGEST_HEADER": 150,
    "keyturn.adapters.channels.slack._LONGEST_OF_OTHERS": 600,
    "keyturn.adapters.channels.slack._LONGEST_TEXT": 3000,
    "keyturn.adapters.channels.slack._MOST_BLOCKS": 50,
    "keyturn.adapters.s3_conversations._LONGEST": 200,
    "keyturn.wiring.SLACK_LOOKUPS": 0.4,
    "keyturn.wiring.CHAT_MESSAGES": 1.0,
    "keyturn.adapters.channels.teams._LARGEST": 28_000,
    "keyturn.adapters.channels.teams._LONGEST_LINE": 1000,
    "keyturn.adapters.channels.webhook._SHORTEST_SECRET": 24,
    "keyturn.adapters.https.ANSWER_SECONDS": 10,
    "keyturn.adapters.https.CONNECT_SECONDS": 5,
    "keyturn.adapters.https._LARGEST_ANSWER": 1024 * 1024,
    "keyturn.functions.channels.SPARE_MILLISECONDS": 45_000,
    "keyturn.functions.reporter.SPARE_MILLISECONDS": 120_000,
    "keyturn.schemas.webhook_message.VERSION": 1,
    "keyturn.use_cases.channels.LONGEST_CALL": 20,
    "keyturn.adapters.cloudtrail.BUDGET": timedelta(seconds=60),
    "keyturn.adapters.cloudtrail.EVENTS_READ": 20,
    "keyturn.adapters.cloudtrail.MOST_CALLERS": 3,
    "keyturn.adapters.cloudtrail.MOST_REGIONS": 2,
    "keyturn.domain.key_usage.LONGEST_OF_CALLER": 100,
    "keyturn.schemas.notices_due.MOST_CALLERS": 10,
    "keyturn.wiring.TRAIL_LOOKUPS": 2.0,
    "keyturn.adapters.clients.ATTEMPTS": 4,
    "keyturn.adapters.clients.CONNECT_SECONDS": 3,
    "keyturn.adapters.clients.READ_SECONDS": 10,
    "keyturn.adapters.clients.MOST_CONNECTIONS": 64,
    "keyturn.adapters.event_bus.BATCH": 10,
    "keyturn.adapters.event_bus.LARGEST_BATCH": 240000,
    "keyturn.adapters.iam.LARGEST_PAGE": 1000,
    "keyturn.adapters.s3_receipts.CLAIM_LIFE": timedelta(minutes=15),
    "keyturn.adapters.s3_receipts._KEYS_HASH": 16,
    "keyturn.schemas.receipt.CLAIM_SIZE": 36,
    "keyturn.adapters.s3_templates._LARGEST": 256 * 1024,
    "keyturn.adapters.s3_templates._MOST": 200,
    "keyturn.adapters.sqs.BATCH": 10,
    "keyturn.adapters.sqs.ROUNDS": 3,
    "keyturn.cli.audit.MOST_SAID": 2000,
    "keyturn.cli.commands.CATCHING_UP": timedelta(minutes=1),
    "keyturn.cli.deploy.VERSION": 1,
    "keyturn.cli.doctor.VERSION": 1,
    "keyturn.cli.notices.LARGEST": 256 * 1024,
    "keyturn.cli.one_line.FAILED": 1,
    "keyturn.cli.one_line.BAD_USAGE": 2,
    "keyturn.cli.one_line.INTERRUPTED": 130,
    "keyturn.cli.answer.FILE_WIDTH": 120,
    "keyturn.cli.show_owners._WIDEST_USER": 32,
    "keyturn.cli.tables.WIDE": 120,
    "keyturn.cli.tables.NARROW": 78,
    "keyturn.cli.tables._LEAST_WHY": 40,
    "keyturn.cli.tables._NAMED": 5,
    "keyturn.cli.tables._USER": 64,
    "keyturn.cli.view.DUE": 3,
    "keyturn.deployment.adapters.cloudformation._SECONDS": 3,
    "keyturn.deployment.adapters.s3_archive._DAYS": 2,
    "keyturn.deployment.adapters.s3_artifact_bucket._OLD_VERSIONS": 30,
    "keyturn.deployment.checks.functions.BESIDES": 3,
    "keyturn.deployment.checks.observed.WORKERS": 8,
    "keyturn.deployment.checks.observed._NAMED": 5,
    "keyturn.deployment.checks.runs.LONGEST_PAUSE": timedelta(hours=26),
    "keyturn.domain.worst_lines.WORST": 10,
    "keyturn.domain.worst_lines._KEPT": 200,
    "keyturn.domain.fold_day.REPEATED_AFTER": timedelta(days=7),
    "keyturn.domain.worst_lines.LONGEST": 300,
    "keyturn.domain.days.DAY": timedelta(days=1),
    "keyturn.domain.days.SLACK": timedelta(hours=12),
    "keyturn.domain.days.SLACK_OF_ONE_DAY": timedelta(hours=1),
    "keyturn.domain.days.JITTER": timedelta(hours=1),
    "keyturn.domain.key_usage.IN_USE_WITHIN": 7,
    "keyturn.domain.lifecycle.answers.WEEK": 7,
    "keyturn.domain.lifecycle.cases.orphan.ORPHAN_REST": 1,
    "keyturn.domain.lifecycle.cases.rotation.MOST_TRIES": 3,
    "keyturn.domain.lifecycle.cases.user.NEW_KEY": 2,
    "keyturn.domain.lifecycle.cases.user._MINUTE": timedelta(minutes=1),
    "keyturn.domain.lifecycle.forecast.RUN": timedelta(minutes=1),
    "keyturn.domain.lifecycle.forecast._MARGIN": 60,
    "keyturn.domain.lifecycle.promises.ACT_WARNING": 3,
    "keyturn.domain.lifecycle.promises.RECEIPT_LIFE": 30,
    "keyturn.domain.lifecycle.view.FORCE_LIFE": timedelta(hours=24),
    "keyturn.domain.owner.UNDELIVERABLE_LIFE": timedelta(days=30),
    "keyturn.domain.owner._LONGEST_SHOWN": 100,
    "keyturn.domain.policy.SHORT_GRACE": 7,
    "keyturn.domain.proof.DELIVERY_EXPECTED": 3,
    "keyturn.domain.policy.MOST_DAYS": 36500,
    "keyturn.domain.policy.WHOLE": 100,
    "keyturn.domain.reading.DEEPEST": 40,
    "keyturn.domain.reading.LARGEST": 64 * 1024 * 1024,
    "keyturn.domain.reading.LONGEST_NUMBER": 18,
    "keyturn.domain.recipient._HASH_LENGTH": 16,
    "keyturn.domain.reading._SHOWN": 100,
    "keyturn.domain.record.LONGEST_RUN": timedelta(minutes=15),
    "keyturn.domain.record.BEFORE_INTENT": timedelta(minutes=1),
    "keyturn.domain.record.AFTER_INTENT": timedelta(minutes=2),
    "keyturn.domain.history.AGAIN": 2,
    "keyturn.domain.seal.BORN_BEFORE": timedelta(minutes=1),
    "keyturn.domain.seal.BORN_AFTER": timedelta(minutes=2),
    "keyturn.functions.inventory._NAMED": 20,
    "keyturn.mail.brief._LINES": 3,
    "keyturn.mail.day._MOST_PARTS": 3,
    "keyturn.mail.filters._SHORT_CODE": 40,
    "keyturn.mail.template_process.LONGEST": 4 * 1024 * 1024,
    "keyturn.mail.template_process.MOST_MEMORY": 128 * 1024 * 1024,
    "keyturn.mail.template_process.MOST_SLOW": 2,
    "keyturn.mail.template_process.SLOW_SECONDS": 2.5,
    "keyturn.mail.overrides.LONGEST_SUBJECT": 200,
    "keyturn.adapters.s3_fates._TRIES": 3,
    "keyturn.mail.template_process.RENDER_SECONDS": 5,
    "keyturn.mail.template_process.START_SECONDS": 20,
    "keyturn.mail.thread._LONGEST": 900,
    "keyturn.functions.metrics.OVERDUE_AFTER": 14,
    "keyturn.functions.rotation.SPARE_MILLISECONDS": 180000,
    "keyturn.functions.notifier.SPARE_MILLISECONDS": 60000,
    "keyturn.mail.overrides.KEPT": timedelta(minutes=5),
    "keyturn.cli.credentials.MOST_STALE": 72,
    "keyturn.own_machine.adapters.key_cache_file.VERSION": 1,
    "keyturn.own_machine.give_credentials.SOON": timedelta(minutes=20),
    "keyturn.own_machine.adapters.shared_credentials_file._MOST_COPIES": 100,
    "keyturn.schemas.adoption.VERSION": 1,
    "keyturn.schemas.audit.VERSION": 1,
    "keyturn.schemas.lines_given.MOST_COUNTED": 10**9,
    "keyturn.schemas.digest_of_day.LARGEST_DUE": 200_000,
    "keyturn.schemas.worst_lines.LONGEST_NAME_SHOWN": 128,
    "keyturn.schemas.event.VERSION": 1,
    "keyturn.schemas.explanation.VERSION": 1,
    "keyturn.schemas.iam_event.DEAD_LETTERS_HOLD": timedelta(days=14),
    "keyturn.schemas.notices_due.MOST_AGE": 73000,
    "keyturn.schemas.notices_due.YEAR": timedelta(days=400),
    "keyturn.schemas.owners_check.VERSION": 1,
    "keyturn.schemas.owners_shown.VERSION": 1,
    "keyturn.schemas.plan.VERSION": 1,
    "keyturn.schemas.ses_event.LONGEST_WHY": 300,
    "keyturn.schemas.rules.LONGEST_NAME": 128,
    "keyturn.domain.exemptions_file.ENDS_SOON": 14,
    "keyturn.schemas.exemptions_answer.VERSION": 1,
    "keyturn.schemas.exemptions_file.MOST_ENTRIES": 10000,
    "keyturn.schemas.exemptions_file.LONGEST_TEXT": 300,
    "keyturn.schemas.exemptions_file.LARGEST": 2 * 1024 * 1024,
    "keyturn.cli.exemptions._DIGITS": 5,
    "keyturn.schemas.owners_file.LARGEST": 2 * 1024 * 1024,
    "keyturn.schemas.owners_file.MOST_RULES": 20000,
    "keyturn.schemas.owners_file._DIGITS": 12,
    "keyturn.schemas.owners_file._LONGEST_NAME": 64,
    "keyturn.schemas.owners_file._LONGEST_PATH": 512,
    "keyturn.schemas.owners_yaml._DEEPEST": 20,
    "keyturn.schemas.rules.MOST_USERS": 10000,
    "keyturn.schemas.rules.MOST_UNITS": 100,
    "keyturn.schemas.queue_message.MOST_ASKED": 2000,
    "keyturn.domain.owner.MOST_RECIPIENTS": 10,
    "keyturn.deployment.checks.owners._NAMED": 3,
    "keyturn.domain.narrowing._SUNDAY": 6,
    "keyturn.adapters.sqs.LARGEST_BATCH": 200000,
    "keyturn.schemas.rules.QUEUE_HOLDS": timedelta(days=4),
    "keyturn.schemas.rules.CLOCKS_DIFFER": timedelta(minutes=5),
    "keyturn.schemas.snapshot.VERSION": 1,
    "keyturn.schemas.pause_answer.VERSION": 1,
    "keyturn.configuration.MOST_PARALLEL": 64,
    "keyturn.use_cases.inventory._NAMED": 20,
    "keyturn.use_cases.daily_cap.LONGEST_TURN": timedelta(minutes=1),
    "keyturn.use_cases.deliver.INTENT_HOLDS": timedelta(seconds=60),
    "keyturn.use_cases.gate.ASKED_EVERY": timedelta(seconds=30),
    "keyturn.use_cases.mail_fate.NOTED_WITHIN": timedelta(minutes=15),
    "keyturn.use_cases.mail_fate._WORKERS": 8,
    "keyturn.use_cases.record_store.CLOCK_MAY_BE_OFF": timedelta(seconds=30),
    "keyturn.use_cases.announcers.MOST_FAILURES": 50,
    "keyturn.use_cases.notifications.MOST_ODD": 20,
    "keyturn.use_cases.announcers.LONGEST_FAILURE": 500,
    "keyturn.use_cases.announcers.LONGEST_PART": 200,
    "keyturn.use_cases.snapshot.LOOKS_BACK": 15,
    "keyturn.schemas.admin_digest.VERSION": 1,
    "keyturn.schemas.daily_report.VERSION": 1,
    "keyturn.use_cases.day_over.AT_LATEST": timedelta(hours=6),
    "keyturn.use_cases.daily_digest.LOOKS_BACK": 8,
    "keyturn.use_cases.day_over.SETTLES": timedelta(minutes=15),
    "keyturn.use_cases.report_day.AT_ONCE": 64,
    "keyturn.use_cases.snapshot.ALWAYS": 2,
    "keyturn.use_cases.stop.TRIES": 3,
    "keyturn.use_cases.notifications.DRY_RUN_WEEK": timedelta(days=7) - timedelta(hours=12),
    "keyturn.use_cases.patience.FIRST_PAUSE": 0.25,
    "keyturn.use_cases.patience.LONGEST_PAUSE": 8,
    "keyturn.use_cases.send_once.AT_ONCE": 8,
    "keyturn.wiring.LAPTOP_WAITS": 120,
    "keyturn.wiring.MEMBERS_KEPT": 50,
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_what_it_was(name: str) -> None:
    module, _, constant = name.rpartition(".")

    assert getattr(import_module(module), constant) == NUMBERS[name]


def test_no_number_is_left_out() -> None:
    assert set(numbers()) == set(NUMBERS)


def numbers() -> Iterator[str]:
    """The constants of all modules that are a number, a sum of numbers, or a time."""
    for file in sorted(SOURCE.glob("keyturn/**/*.py")):
        module = file.relative_to(SOURCE).with_suffix("").as_posix().replace("/", ".")
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and _is_number(node.value):
                target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
                if isinstance(target, ast.Name) and target.id.lstrip("_").isupper():
                    yield f"{module}.{target.id}"


def _is_number(value: ast.expr | None) -> bool:
    if isinstance(value, ast.BinOp):
        return _is_number(value.left) and _is_number(value.right)
    if isinstance(value, ast.Constant):
        return isinstance(value.value, int | float) and not isinstance(value.value, bool)
    is_call = isinstance(value, ast.Call) and isinstance(value.func, ast.Name)
    return is_call and value.func.id == "timedelta"  # type: ignore[union-attr]  # so is_call says
