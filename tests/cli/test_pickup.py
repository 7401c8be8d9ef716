"""`keyturn pickup`: from the secret that a rotation filled to a profile that works."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from types import SimpleNamespace

import boto3
import pytest

from keyturn.own_machine.delivered import PAUSES
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.cli.laptop import SECRET, USER, Laptop, be_at, keyturn, set_up
from tests.use_cases.harness import MEMBER, Harness


@pytest.fixture
def laptop(stage: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    with set_up(stage, tmp_path, monkeypatch) as laptop:
        laptop.write(laptop.section("default", laptop.old) + laptop.admin())
        yield laptop


ELSEWHERE = f"arn:aws:secretsmanager:us-east-1:222222222222:secret:{SECRET}-a1b2c3"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the SDKs' files, on a laptop that reaches no AWS."""
    be_at(tmp_path, monkeypatch)
    text = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = none\n"
    (tmp_path / "credentials").write_text(text)
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- what it is for


def test_one_command_puts_the_new_key_where_the_old_one_was(laptop: Laptop) -> None:
    before = laptop.file.read_bytes()

    picked = laptop.keyturn("pickup")

    assert picked.exit_code == 0, picked.stderr
    [copy] = laptop.copies()
    assert picked.stdout == (
        f"old key: {laptop.old} (profile default in {laptop.file})\n"
        f"new key: {laptop.new} ({USER} in {MEMBER}, made on 2026-03-02)\n"
        f"The new key works, and is in {laptop.file}.\n"
        f"The file as it was: {copy}. Remove it once all works.\n"
        f"The old key works until the day that the mail names. Do not delete it: Keyturn "
        "disables it first.\n"
    )
    assert picked.stderr == ""
    assert copy.read_bytes() == before
    assert (mode(copy), mode(laptop.file)) == (0o600, 0o600)
    identity = boto3.Session(profile_name="default").client("sts").get_caller_identity()
    assert identity["Arn"].endswith(f":user/{USER}")
    assert boto3.Session().get_credentials().access_key == laptop.new  # type: ignore[union-attr]  # there are some


def test_the_new_key_is_tried_before_anything_is_written(laptop: Laptop) -> None:
    laptop.stage.iam().update_access_key(UserName=USER, AccessKeyId=laptop.new, Status="Inactive")
    before = laptop.file.read_bytes()

    picked = laptop.keyturn("pickup")

    assert picked.exit_code == 1
    assert picked.stderr.startswith(f"the new key {laptop.new} does not work: it is Inactive")
    assert len(picked.stderr.splitlines()) == 1
    assert tuple(laptop.slept) == PAUSES
    assert laptop.file.read_bytes() == before
    assert laptop.copies() == []


def test_a_key_that_aws_does_not_know_yet_is_waited_for(laptop: Laptop) -> None:
    tries = 0

    def not_yet(request: ApiRequest, perform: Perform) -> ApiResponse:
        nonlocal tries
        if request.access_key_id == laptop.new:
            tries += 1
            if tries < 3:
                laptop.stage.cloud.deny(
                    None, "sts:GetCallerIdentity", "InvalidClientTokenId", times=1
                )
        return perform(request)

    laptop.stage.cloud.layers.append(not_yet)

    assert laptop.keyturn("pickup").exit_code == 0
    assert tuple(laptop.slept) == PAUSES[:2]


def test_the_second_time_there_is_nothing_to_do(laptop: Laptop) -> None:
    assert laptop.keyturn("pickup").exit_code == 0
    after = laptop.file.read_bytes()

    again = laptop.keyturn("pickup")

    assert again.exit_code == 0
    assert "Nothing to do: the profile holds the newest key." in again.stdout
    assert "The old key" not in again.stdout
    assert laptop.file.read_bytes() == after
    assert len(laptop.copies()) == 1


def test_a_dry_run_writes_nothing(laptop: Laptop) -> None:
    before = laptop.file.read_bytes()

    dry = laptop.keyturn("pickup", "--dry-run")

    assert dry.exit_code == 0
    assert "would be changed; nothing was written" in dry.stdout
    assert laptop.new in dry.stdout
    assert laptop.file.read_bytes() == before
    assert [*laptop.folder.iterdir()] == [laptop.file]


def test_a_user_with_a_path_is_known_by_name(
    stage: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with set_up(stage, tmp_path, monkeypatch, path="/teams/build/") as laptop:
        laptop.write(laptop.section("default", laptop.old))

        assert laptop.keyturn("pickup").exit_code == 0
        assert laptop.profiles()["default"]["aws_access_key_id"] == laptop.new


@pytest.mark.parametrize(
    "named", [("--user", USER), ("--user", USER, "--account", MEMBER), ("--secret", SECRET)]
)
def test_the_secret_is_read_with_another_profile(laptop: Laptop, named: tuple[str, ...]) -> None:
    since = laptop.stage.mark()

    picked = laptop.keyturn("pickup", "--source-profile", "admin", *named)

    assert picked.exit_code == 0, picked.stderr
    [read] = [c for c in laptop.stage.cloud.calls[since:] if c.operation == "GetSecretValue"]
    assert ":assumed-role/" in read.principal
    assert laptop.profiles()["default"]["aws_access_key_id"] == laptop.new


def test_an_arn_names_the_region_too(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")

    picked = laptop.keyturn("pickup", "--secret", laptop.stage.secret(USER).arn)

    assert picked.exit_code == 0, picked.stderr


def test_an_old_key_that_ended_already_is_replaced_with_another_profile(laptop: Laptop) -> None:
    laptop.stage.iam().update_access_key(UserName=USER, AccessKeyId=laptop.old, Status="Inactive")

    alone = laptop.keyturn("pickup")
    named = laptop.keyturn("pickup", "--user", USER)
    helped = laptop.keyturn("pickup", "--user", USER, "--source-profile", "admin")

    assert alone.exit_code == 1
    assert "does not work any more, so AWS does not say whose it is: give --user" in alone.stderr
    assert named.exit_code == 1
    assert helped.exit_code == 0, helped.stderr
    assert helped.stderr == (
        "Whose the old key is could not be checked: it is Inactive or deleted.\n"
    )
    assert laptop.profiles()["default"]["aws_access_key_id"] == laptop.new


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("aws_secret_access_key =\n", "the profile default has no aws_secret_access_key"),
        (
            "aws_secret_access_key = mistyped\n",
            (
                "the aws_secret_access_key of the profile default is not that of {old}, or the "
                "clock of this machine is wrong"
            ),
        ),
    ],
)
def test_a_wrong_secret_beside_the_key_is_named_and_can_be_replaced(
    laptop: Laptop, secret: str, said: str
) -> None:
    said = said.format(old=laptop.old)
    laptop.write(f"[default]\naws_access_key_id = {laptop.old}\n{secret}{laptop.admin()}")

    alone = laptop.keyturn("pickup")
    helped = laptop.keyturn("pickup", "--user", USER, "--source-profile", "admin")

    assert alone.exit_code == 1
    assert alone.stderr == f"{said}: correct that, or give --user and --source-profile\n"
    assert helped.exit_code == 0, helped.stderr
    assert helped.stderr.splitlines()[0] == f"Whose the old key is could not be checked: {said}."
    assert laptop.profiles()["default"]["aws_access_key_id"] == laptop.new


PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


@pytest.mark.lets_a_secret_out
def test_the_examples_of_the_manual_run_one_after_the_other(laptop: Laptop) -> None:
    laptop.write(
        laptop.section("default", laptop.old)
        + laptop.section("build", laptop.old)
        + laptop.admin()
    )
    examples = re.findall(r"^\$ keyturn (pickup.*)$", PAGE, re.MULTILINE)

    codes = {each: laptop.keyturn(*shlex.split(each)).exit_code for each in examples}

    assert len(codes) == 4
    assert set(codes.values()) == {0}
    assert laptop.profiles()["build"]["aws_access_key_id"] == laptop.new


# --- whose key


def test_one_users_key_never_takes_the_place_of_anothers(laptop: Laptop) -> None:
    [other] = laptop.stage.user("ann", 5)
    laptop.write(laptop.section("default", other) + laptop.admin())
    before = laptop.file.read_bytes()

    picked = laptop.keyturn("pickup", "--user", USER, "--source-profile", "admin")

    assert picked.exit_code == 1
    assert (
        "holds a key of arn:aws:iam::333333333333:user/ann, and not of deploy-bot" in picked.stderr
    )
    assert laptop.file.read_bytes() == before


def test_a_key_of_somebody_else_in_the_secret_is_refused(laptop: Laptop) -> None:
    """Whoever may write the secret would have the owner work in an account of theirs."""
    [planted] = laptop.stage.user("mallory", 5)
    value = {
        "AccessKeyId": planted,
        "SecretAccessKey": laptop.secret(planted),
        "UserName": USER,
        "CreateDate": "2026-03-02T05:00:00+00:00",
    }
    laptop.stage.secret_store().put_secret_value(SecretId=SECRET, SecretString=json.dumps(value))
    before = laptop.file.read_bytes()

    picked = laptop.keyturn("pickup")

    assert picked.exit_code == 1
    assert (
        f"holds {planted}, which is a key of arn:aws:iam::{MEMBER}:user/mallory" in picked.stderr
    )
    assert laptop.file.read_bytes() == before


@pytest.mark.parametrize("value", ["theirs", '{"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}'])
def test_what_is_no_key_of_keyturns_is_not_written_and_not_shown(
    laptop: Laptop, value: str
) -> None:
    laptop.stage.secret_store().put_secret_value(SecretId=SECRET, SecretString=value)
    before = laptop.file.read_bytes()

    picked = laptop.keyturn("pickup")

    assert picked.exit_code == 1
    assert picked.stderr == (f"the secret {SECRET} holds no access key as Keyturn stores it\n")
    assert laptop.file.read_bytes() == before


def test_a_key_that_is_said_to_be_another_users_is_refused(laptop: Laptop) -> None:
    value = json.dumps({**laptop.stage.value(USER), "UserName": "ann"})
    laptop.stage.secret_store().put_secret_value(SecretId=SECRET, SecretString=value)

    picked = laptop.keyturn("pickup")

    assert picked.exit_code == 1
    assert picked.stderr.endswith("holds a key that is said to be another user's\n")


def test_a_key_that_a_person_made_since_is_not_replaced(laptop: Laptop) -> None:
    """The delivered one is about to end, as the older of two."""
    iam = laptop.stage.iam()
    iam.delete_access_key(UserName=USER, AccessKeyId=laptop.old)
    laptop.stage.at(2)
    theirs = iam.create_access_key(UserName=USER)["AccessKey"]["AccessKeyId"]
    laptop.write(laptop.section("default", theirs))
    before = laptop.file.read_bytes()

    picked = laptop.keyturn("pickup")

    assert picked.exit_code == 1
    assert picked.stderr == (
        f"the profile default holds a newer key ({theirs}, of 2026-03-04) than the secret "
        f"({laptop.new}, of 2026-03-02): nothing was changed\n"
    )
    assert laptop.file.read_bytes() == before


def test_who_may_not_ask_iam_reads_that_it_was_not_checked(laptop: Laptop) -> None:
    laptop.stage.cloud.deny(MEMBER, "ListAccessKeys")

    picked = laptop.keyturn("pickup")

    assert picked.exit_code == 0
    assert picked.stderr.startswith("Whether the new key is the newer one could not be checked: ")
    assert len(picked.stderr.splitlines()) == 1
    assert laptop.profiles()["default"]["aws_access_key_id"] == laptop.new


# --- the secret


def denied(laptop: Laptop) -> None:
    laptop.stage.cloud.deny(MEMBER, "GetSecretValue")


def undecryptable(laptop: Laptop) -> None:
    laptop.stage.cloud.close_kms(MEMBER)


def scheduled_for_deletion(laptop: Laptop) -> None:
    laptop.stage.secret_store().delete_secret(SecretId=SECRET)


def gone(laptop: Laptop) -> None:
    laptop.stage.secret_store().delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)


def without_value(laptop: Laptop) -> None:
    gone(laptop)
    laptop.stage.secret_store().create_secret(Name=SECRET)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (denied, "may not be read (GetSecretValue: AccessDeniedException"),
        (undecryptable, "may not be decrypted with its KMS key (GetSecretValue: AccessDenied"),
        (scheduled_for_deletion, "is scheduled for deletion: ask the administrators"),
        (gone, "is not in us-east-1: is that the region and the account of the secrets?"),
        (without_value, "has no value yet: no key was delivered"),
    ],
)
def test_a_secret_that_cannot_be_read_is_named_with_the_reason(
    laptop: Laptop, spoil: Callable[[Laptop], None], said: str
) -> None:
    spoil(laptop)
    before = laptop.file.read_bytes()

    picked = laptop.keyturn("pickup")

    assert picked.exit_code == 1
    assert picked.stderr.startswith(f"the secret {SECRET} {said}")
    assert len(picked.stderr.splitlines()) == 1
    assert laptop.file.read_bytes() == before


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--profile", "nobody"), "--profile nobody: is in neither "),
        (("--profile", ""), "--profile: must not be empty"),
        (("--user", ""), "--user: must not be empty"),
        (("--user", "a b"), "--user a b: must be the name of an IAM user"),
        (("--account", MEMBER), f"--account {MEMBER}: needs --user"),
        (("--user", USER, "--account", "1"), "--account 1: must be the 12 digits"),
        (
            ("--secret", "mine"),
            "--secret mine: must be Account_<account id>_User_<user>_AccessKey",
        ),
        (("--secret", SECRET, "--user", USER), f"--secret {SECRET}: names user and account"),
        (("--secret", ELSEWHERE), f"--secret {ELSEWHERE}: is in account 222222222222, and not in"),
        (("--source-profile", "nobody"), "--source-profile nobody: is not in your AWS config"),
        (("--region", "nowhere"), "--region nowhere: is no AWS region"),
    ],
)
def test_wrong_usage_is_refused_before_aws_is_asked(
    desk: Path, args: tuple[str, ...], said: str
) -> None:
    picked = keyturn("pickup", *args)

    assert picked.exit_code == 2
    assert picked.stderr.startswith(said)
    assert len(picked.stderr.splitlines()) == 1
    assert [each.name for each in desk.iterdir()] == ["credentials"]


def test_an_unknown_region_is_named(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")

    picked = keyturn("pickup")

    assert picked.exit_code == 2
    assert picked.stderr.startswith("--region: is needed: neither AWS_REGION")


# --- the profile


def test_the_profile_is_the_one_that_the_sdks_would_take(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    [other] = laptop.stage.user("ann", 5)
    laptop.write(laptop.section("default", other) + laptop.section("build", laptop.old))
    monkeypatch.setenv("AWS_PROFILE", "build")

    assert laptop.keyturn("pickup").exit_code == 0

    held = {name: each["aws_access_key_id"] for name, each in laptop.profiles().items()}
    assert held == {"default": other, "build": laptop.new}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("sso_session = corp", "has no aws_access_key_id; its credentials come by sso_session"),
        ("credential_process = x", "its credentials come by credential_process"),
        ("role_arn = arn:aws:iam::1:role/x\nsource_profile = y", "credentials come by role_arn"),
        ("region = eu-west-1", "--profile sso: has no aws_access_key_id\n"),
    ],
)
def test_a_profile_without_a_key_is_refused_with_what_it_has(
    desk: Path, section: str, said: str
) -> None:
    (desk / "config").write_text(f"[profile sso]\n{section}\n")

    picked = keyturn("pickup", "--profile", "sso")

    assert picked.exit_code == 2
    assert said in picked.stderr


def test_the_credentials_of_a_session_are_not_replaced(desk: Path) -> None:
    (desk / "credentials").write_text("[default]\naws_access_key_id = ASIAIOSFODNN7EXAMPLE\n")

    picked = keyturn("pickup")

    assert picked.exit_code == 2
    assert "the credentials of a session, and no IAM user's access key" in picked.stderr


def test_a_key_in_the_configuration_file_is_changed_there(laptop: Laptop) -> None:
    untouched = laptop.file.read_bytes()
    laptop.config.write_text(
        "[profile build]\nregion = us-east-1\n" + laptop.section("x", laptop.old)[4:]
    )

    picked = laptop.keyturn("pickup", "--profile", "build")

    assert picked.exit_code == 0, picked.stderr
    assert f"is in {laptop.config}." in picked.stdout
    assert f"aws_access_key_id = {laptop.new}\n" in laptop.config.read_text()
    assert laptop.file.read_bytes() == untouched


def test_of_two_files_with_a_key_the_one_is_changed_that_the_sdks_read(laptop: Laptop) -> None:
    laptop.config.write_text(laptop.section("default", laptop.old))
    before = laptop.config.read_bytes()

    picked = laptop.keyturn("pickup")

    assert picked.exit_code == 0
    assert picked.stderr.startswith(f"{laptop.config} holds a key of this profile, too.")
    assert laptop.config.read_bytes() == before
    assert boto3.Session().get_credentials().access_key == laptop.new  # type: ignore[union-attr]  # there are some


def test_a_key_in_the_shell_that_goes_before_the_profile_is_named(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", laptop.old)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", laptop.secret(laptop.old))

    picked = laptop.keyturn("pickup")

    assert picked.exit_code == 0
    assert picked.stderr == "AWS_ACCESS_KEY_ID is set here, and goes before the profile.\n"


def test_a_token_of_the_old_keys_session_goes_with_it(laptop: Laptop) -> None:
    laptop.write(laptop.section("default", laptop.old, "aws_session_token = old", "region = x"))

    assert laptop.keyturn("pickup").exit_code == 0

    assert "token" not in laptop.file.read_text()
    assert laptop.file.read_text().endswith("\nregion = x\n")


# --- the file


def test_a_symbolic_link_stays_and_what_it_leads_to_is_changed(laptop: Laptop) -> None:
    real = laptop.folder / "elsewhere"
    laptop.file.rename(real)
    laptop.file.symlink_to(real)

    assert laptop.keyturn("pickup").exit_code == 0

    assert laptop.file.is_symlink()
    assert laptop.new in real.read_text()
    assert real.with_name(laptop.copies()[0].name).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_somebody_else_stays_theirs(laptop: Laptop) -> None:
    os.chown(laptop.file, 12345, 12345)

    assert laptop.keyturn("pickup").exit_code == 0

    assert (laptop.file.stat().st_uid, mode(laptop.file)) == (12345, 0o600)


def test_it_needs_nothing_that_only_posix_has(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = SimpleNamespace(platform="win32")
    monkeypatch.setattr("keyturn.own_machine.adapters.private_files.sys", windows)
    for name in ("fchown", "geteuid", "getuid", "chown", "O_NOFOLLOW"):
        monkeypatch.delattr(os, name)
    opened = os.open

    def without_folders(path: object, flags: int, *more: int) -> int:
        if Path(str(path)).is_dir():
            raise PermissionError(13, "Permission denied")
        return opened(str(path), flags, *more)

    monkeypatch.setattr(os, "open", without_folders)

    assert laptop.keyturn("pickup").exit_code == 0
    assert laptop.profiles()["default"]["aws_access_key_id"] == laptop.new


def test_a_file_that_others_may_read_is_theirs_no_more(laptop: Laptop) -> None:
    laptop.file.chmod(0o644)

    assert laptop.keyturn("pickup").exit_code == 0

    assert mode(laptop.file) == 0o600


def test_a_file_that_cannot_be_read_is_named(desk: Path) -> None:
    (desk / "config").mkdir()

    picked = keyturn("pickup")

    assert picked.exit_code == 1
    assert picked.stderr == f"{desk}/config cannot be read (Is a directory)\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[default]\n[other]\n[default]\n", "[default] is there twice, in lines 1 and 3"),
        (
            "[default]\naws_access_key_id=A\nAWS_ACCESS_KEY_ID: B\n",
            "[default] has aws_access_key_id twice, in lines 2 and 3",
        ),
    ],
)
def test_a_file_that_says_two_things_is_left_alone(desk: Path, text: str, said: str) -> None:
    (desk / "credentials").write_text(text)

    picked = keyturn("pickup")

    assert picked.exit_code == 1
    assert picked.stderr == f"{said}\n"
    assert (desk / "credentials").read_text() == text


def test_a_file_of_another_encoding_is_named(desk: Path) -> None:
    (desk / "credentials").write_text("[default]\n", "utf-16")

    picked = keyturn("pickup")

    assert picked.exit_code == 1
    assert picked.stderr == f"{desk}/credentials is not in UTF-8: no AWS SDK reads it\n"


def test_a_file_that_somebody_writes_meanwhile_keeps_what_they_wrote(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = laptop.section("default", laptop.old) + "# theirs\n"

    def meanwhile(*_: object) -> None:
        laptop.write(theirs)

    monkeypatch.setattr(
        "keyturn.own_machine.adapters.shared_credentials_file.give_to_owner_of", meanwhile
    )

    picked = laptop.keyturn("pickup")

    assert picked.exit_code == 1
    assert picked.stderr == f"{laptop.file} was changed meanwhile: run the command again\n"
    assert laptop.file.read_text() == theirs
    assert [*laptop.folder.iterdir()] == [laptop.file]


@pytest.mark.parametrize("fits", [0, 1], ids=["not even the copy fits", "the copy still fits"])
def test_a_disk_that_is_full_leaves_the_file_as_it_was(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, fits: int
) -> None:
    before = laptop.file.read_bytes()
    written = 0

    def fail(descriptor: int) -> None:
        nonlocal written
        written += 1
        if written > fits:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    picked = laptop.keyturn("pickup")

    assert picked.exit_code == 1
    assert picked.stderr == f"{laptop.file} cannot be written (No space left on device)\n"
    assert laptop.file.read_bytes() == before
    assert [*laptop.folder.iterdir()] == [laptop.file]


# --- printed


SHELLS = [
    pytest.param(
        form,
        shell,
        marks=pytest.mark.lets_a_secret_out
        if which(shell)
        else pytest.mark.skip(reason=f"no {shell} is installed"),
    )
    for form, shell in [("env", "sh"), ("fish", "fish")]
]


@pytest.mark.parametrize(("form", "shell"), SHELLS)
def test_a_shell_takes_the_printed_key(laptop: Laptop, form: str, shell: str) -> None:
    before = laptop.file.read_bytes()

    printed = laptop.keyturn(
        "pickup", "--secret", SECRET, "--source-profile", "admin", "--print", form
    )

    assert printed.exit_code == 0, printed.stderr
    assert printed.stderr == ""
    show = "import os, json; print(json.dumps({**os.environ}))"
    script = f"{printed.stdout}\n{sys.executable} -c '{show}'"
    done = subprocess.run(
        [str(which(shell)), "-c", script],
        env={"AWS_SESSION_TOKEN": "old", "HOME": str(laptop.folder), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    variables = json.loads(done.stdout)
    assert variables["AWS_ACCESS_KEY_ID"] == laptop.new
    assert variables["AWS_SECRET_ACCESS_KEY"] == laptop.secret(laptop.new)
    assert "AWS_SESSION_TOKEN" not in variables
    assert laptop.file.read_bytes() == before


@pytest.mark.lets_a_secret_out
def test_powershell_has_words_of_its_own(laptop: Laptop) -> None:
    printed = laptop.keyturn("pickup", "--print", "powershell")

    assert printed.stdout.splitlines() == [
        f"$env:AWS_ACCESS_KEY_ID = '{laptop.new}'",
        f"$env:AWS_SECRET_ACCESS_KEY = '{laptop.secret(laptop.new)}'",
        "Remove-Item -ErrorAction Ignore Env:AWS_SESSION_TOKEN",
    ]


@pytest.mark.lets_a_secret_out
def test_the_printed_json_is_what_a_credential_process_gives(laptop: Laptop) -> None:
    printed = laptop.keyturn("pickup", "--print", "json")

    assert json.loads(printed.stdout) == {
        "Version": 1,
        "AccessKeyId": laptop.new,
        "SecretAccessKey": laptop.secret(laptop.new),
    }


def test_the_passwords_for_smtp_are_printed_where_there_are_some(laptop: Laptop) -> None:
    lacking = laptop.keyturn("pickup", "--print", "smtp")
    value = {**laptop.stage.value(USER), "SmtpPasswords": {"eu-west-1": "password"}}
    laptop.stage.secret_store().put_secret_value(SecretId=SECRET, SecretString=json.dumps(value))

    printed = laptop.keyturn("pickup", "--print", "smtp")

    assert (lacking.exit_code, lacking.stdout) == (1, "")
    assert "has no SMTP password" in lacking.stderr
    assert json.loads(printed.stdout) == {
        "UserName": laptop.new,
        "Passwords": {"eu-west-1": "password"},
    }


@pytest.mark.lets_a_secret_out
@pytest.mark.parametrize("form", ["env", "powershell", "json"])
def test_who_prints_to_a_screen_is_warned(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr("keyturn.cli.streams.Enduring.isatty", lambda _: True)

    printed = laptop.keyturn("pickup", "--print", form)

    assert printed.exit_code == 0
    assert printed.stderr == "Warning: the secret access key is on your screen now.\n"


@pytest.mark.lets_a_secret_out
def test_in_ci_no_profile_is_needed(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.file.unlink()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", laptop.old)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", laptop.secret(laptop.old))

    printed = laptop.keyturn("pickup", "--user", USER, "--print", "json")

    assert printed.exit_code == 0, printed.stderr
    assert json.loads(printed.stdout)["AccessKeyId"] == laptop.new
