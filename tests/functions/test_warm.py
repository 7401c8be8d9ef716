"""What a function that stays warm keeps of the accounts before."""

from keyturn.functions.connect import ACCOUNTS_KEPT
from keyturn_sandbox.simulation.deployment import MEMBER_ROLE, ROTATION_ROLE, role_arn
from tests.functions.resumed import calls_of
from tests.use_cases.harness import GROUP, HUB, Harness


def test_a_warm_function_keeps_the_clients_of_the_last_accounts_alone(stage: Harness) -> None:
    accounts = [f"66666666666{number}" for number in range(ACCOUNTS_KEPT + 1)]
    for account in accounts:
        stage.cloud.organization.create_account("a", "a@example.com", account_id=account)
        stage.cloud.add_role(account, MEMBER_ROLE, role_arn(HUB, ROTATION_ROLE))
        stage.cloud.session(account).client("iam").create_group(GroupName=GROUP)

    def entered(account: str) -> int:
        before = len(calls_of(stage, "AssumeRole"))
        assert stage.invoke({"account": account})["failures"] == []
        return len(calls_of(stage, "AssumeRole")) - before

    assert [entered(account) for account in accounts] == [1] * len(accounts)

    assert [entered(account) for account in accounts[1:]] == [0] * ACCOUNTS_KEPT
    assert entered(accounts[0]) == 1
