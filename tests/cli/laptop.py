"""An owner's laptop: the files of the AWS SDKs, and a key that Keyturn has just replaced."""

import configparser
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn.own_machine.wiring import OwnMachine
from keyturn_sandbox.emulator.cloud import REGION
from tests.use_cases.harness import MEMBER, Harness

USER = "deploy-bot"
SECRET = f"Account_{MEMBER}_User_{USER}_AccessKey"


@dataclass(kw_only=True)
class Laptop:
    """What the owner has; `old` and `new` are ids of their keys."""

    stage: Harness
    folder: Path
    old: str
    new: str
    slept: list[float] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The shared credentials file."""
        return self.folder / "credentials"

    @property
    def config(self) -> Path:
        return self.folder / "config"

    def secret(self, key_id: str) -> str:
        return self.stage.cloud.secret_values()[key_id]

    def section(self, name: str, key_id: str, *more: str) -> str:
        """A profile with a key, as `aws configure` writes it."""
        lines = (
            f"[{name}]",
            f"aws_access_key_id = {key_id}",
            f"aws_secret_access_key = {self.secret(key_id)}",
        )
        return "\n".join((*lines, *more, ""))

    def admin(self) -> str:
        """A profile that may read the secret."""
        held = self.stage.cloud.session(MEMBER).get_credentials()
        assert held is not None
        return (
            f"[admin]\naws_access_key_id = {held.access_key}\n"
            f"aws_secret_access_key = {held.secret_key}\naws_session_token = {held.token}\n"
        )

    def write(self, text: str) -> None:
        self.file.write_bytes(text.encode())
        self.file.chmod(0o600)

    def profiles(self) -> Mapping[str, Mapping[str, str]]:
        parser = configparser.RawConfigParser()
        parser.read(self.file)
        return {name: dict(parser[name]) for name in parser.sections()}

    def copies(self) -> list[Path]:
        return sorted(self.folder.glob("*.bak"))

    def keyturn(self, *args: str) -> Result:
        return keyturn(*args)


def keyturn(*args: str) -> Result:
    return CliRunner().invoke(app, args)


def be_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing of AWS but the files in a folder."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@contextmanager
def set_up(
    stage: Harness, folder: Path, monkeypatch: pytest.MonkeyPatch, path: str = "/"
) -> Iterator[Laptop]:
    """Rotate a user's key, and sit down at a laptop that has the old one."""
    [old] = stage.user(USER, 91, path=path)
    stage.run()
    new = stage.value(USER)["AccessKeyId"]
    (folder / ".aws").mkdir()
    laptop = Laptop(stage=stage, folder=folder / ".aws", old=old, new=new)
    be_at(laptop.folder, monkeypatch)
    awake = partial(OwnMachine, sleep=laptop.slept.append)
    monkeypatch.setattr("keyturn.cli.pickup.OwnMachine", awake)
    yield laptop
