"""The bench itself, on a scale that takes seconds: what it counts is what is called."""

from tests.bench.day import day
from tests.bench.process import emulated
from tests.bench.scene import Scene

USERS, DUE = 5, 2


def test_a_day_in_processes_of_their_own_counts_every_call_and_sends_every_mail() -> None:
    with emulated(Scene(accounts=1, users=USERS, due=DUE)) as emulator:
        took = day(emulator)

        assert took.rotation.invocations == took.notifier.invocations == 1
        assert took.rotation.back == took.notifier.back == 0
        assert took.rotation.calls["iam:ListAccessKeys"] >= USERS
        assert took.rotation.calls["iam:CreateAccessKey"] == DUE
        assert took.rotation.calls["secretsmanager:PutSecretValue"] == DUE
        # The account's owner, and the administrators.
        assert took.notifier.calls["sesv2:SendEmail"] == emulator.order("mails") == 2
        keys = [user for user, _ in emulator.order("keys", emulator.members[0])]
        assert len(keys) == USERS + DUE
        assert min(took.rotation.cpu, took.rotation.peak_mb, took.notifier.wall) > 0


def test_what_is_throttled_is_counted_and_tried_again() -> None:
    with emulated(Scene(accounts=1, users=USERS)) as emulator:
        emulator.order("throttled", 0.2)
        took = day(emulator)

        assert took.rotation.throttled > 0
        assert took.rotation.back == 0
        assert took.rotation.calls.total() - took.rotation.throttled >= USERS
