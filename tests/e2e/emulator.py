"""Start the emulated AWS as a process of its own, speak to it, and end it."""

import json
import os
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

HERE = Path(__file__).parent
PYTHON = HERE / ".venv/bin/python"
REGION = "us-east-1"
PATIENCE = 60


@dataclass(frozen=True)
class Emulator:
    """A running AWS; whoever signs as twelve digits is the root of that account."""

    folder: Path
    endpoint: str
    orders: str
    certificate: str

    def environment(self, account: str) -> dict[str, str]:
        """The environment of a program that is the account's administrator."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "PATH": f"{PYTHON.parent}:{os.environ['PATH']}",
            "AWS_CONFIG_FILE": str(self.folder / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "none"),
            "PYTHONPATH": str(HERE / "moved_clock"),
            "CLOCK_FILE": str(self.folder / "clock"),
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CA_BUNDLE": self.certificate,
            "AWS_EC2_METADATA_DISABLED": "true",
            # A connection that breaks off on a busy machine is not what is tested here.
            "AWS_MAX_ATTEMPTS": "4",
        }

    def client(self, account: str, service: str, **credentials: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        """A client of the account's administrator, or of whose credentials are given."""
        signed = {"AccessKeyId": account, "SecretAccessKey": "not-a-secret", **credentials}
        session = boto3.Session(
            signed["AccessKeyId"],
            signed["SecretAccessKey"],
            signed.get("SessionToken"),
            region_name=REGION,
        )
        return session.client(  # type: ignore[call-overload]  # any service
            service, endpoint_url=self.endpoint, verify=self.certificate
        )

    def order(self, name: str, /, **fields: object) -> Any:  # noqa: ANN401 -- each order answers in its own way
        """Ask what no API of AWS offers; see server.py."""
        body = json.dumps(fields).encode()
        request = urllib.request.Request(f"{self.orders}/{name}", body)  # noqa: S310 -- our own server
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 -- as above
            return json.load(answer)

    def get(self, path: str) -> Any:  # noqa: ANN401 -- whatever ministack says of itself
        """Read one of ministack's own pages."""
        trust = ssl.create_default_context(cafile=self.certificate)
        with urllib.request.urlopen(f"{self.endpoint}{path}", context=trust) as answer:  # noqa: S310 -- as above
            return json.load(answer)


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Emulator]:
    """Run an emulator whose files lie in the folder, until the block ends."""
    port, orders = _free_port(), _free_port()
    certificate, key = _certificate(folder)
    emulator = Emulator(
        folder=folder,
        endpoint=f"https://localhost:{port}",
        orders=f"http://127.0.0.1:{orders}",
        certificate=str(certificate),
    )
    with (folder / "emulator.log").open("wb") as log:
        server = subprocess.Popen(
            [PYTHON, HERE / "server.py"],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "TMPDIR": str(folder),
                "STATE_DIR": str(folder / "state"),
                "GATEWAY_PORT": str(port),
                "ORDERS_PORT": str(orders),
                "BIND_HOST": "127.0.0.1",
                "SFTP_ENABLED": "0",
                "IOT_MTLS_ENABLED": "0",
                "USE_SSL": "1",  # for policies that refuse plain HTTP
                "MINISTACK_SSL_CERT": str(certificate),
                "MINISTACK_SSL_KEY": str(key),
                # What the functions inherit: where AWS is, whom to trust, what time it is.
                "AWS_ENDPOINT_URL": emulator.endpoint,
                "AWS_CA_BUNDLE": str(certificate),
                "CLOCK_FILE": str(folder / "clock"),
                **settings,
            },
        )
    try:
        _await(server, port, folder)
        yield emulator
    finally:
        server.terminate()
        try:
            server.wait(3)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "825"),
            *("-keyout", key, "-out", certificate, "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


def _await(server: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    for _ in range(PATIENCE * 10):
        if server.poll() is not None:
            raise RuntimeError((folder / "emulator.log").read_text()[-2000:])
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("the emulator does not answer")
