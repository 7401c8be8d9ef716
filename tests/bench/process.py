"""The processes of a measurement: the local AWS, and a function of a checkout against it."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from tests.bench.scene import Scene

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What one invocation took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of a processor, of the function's own process alone."""
    peak_mb: float
    """The most memory that its process has had so far, in MB."""
    answer: Any = None


@dataclass(frozen=True, slots=True)
class _Pipe:
    process: "subprocess.Popen[str]"

    def ask(self, question: object) -> Any:  # noqa: ANN401 -- JSON
        _part(self.process.stdin).write(json.dumps(question) + "\n")
        _part(self.process.stdin).flush()
        return self.hear()

    def hear(self) -> Any:  # noqa: ANN401 -- JSON
        line = _part(self.process.stdout).readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait()}")
        return json.loads(line)


def _part(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulator:
    """The local AWS of a scene."""

    url: str
    settings: Mapping[str, str]
    rotation_queue: str
    notifier_queue: str
    members: list[str]
    credentials: Mapping[str, Mapping[str, str]]
    pipe: _Pipe

    def order(self, name: str, value: object = None) -> Any:  # noqa: ANN401 -- JSON
        """Give an order of `emulator.py`; its answer comes back."""
        return self.pipe.ask([name, value])

    def counted(self) -> Counter[str]:
        """How often which call came since it was told to forget; refused ones too."""
        made: Counter[str] = Counter()
        for _, call, _, count in self.order("counted"):
            made[call] += count
        return made

    def throttled(self) -> int:
        """How many of them were throttled."""
        words = ("Throttling", "SlowDown", "TooMany")
        return sum(n for *_, error, n in self.order("counted") if error.startswith(words))

    def environment(self, who: str) -> dict[str, str]:
        """All that a process has that is to reach it, and nothing of this machine's own."""
        return {
            **{name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ},
            **self.settings,
            **self.credentials[who],
            "HOME": "/nonexistent",
            "LANG": "C.UTF-8",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


@contextmanager
def emulated(scene: Scene) -> Iterator[Emulator]:
    """Start the local AWS."""
    command = [sys.executable, "-m", "tests.bench.emulator"]
    # Its own checkout's, whatever is measured.
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    with _started(command, environment, cwd=ROOT) as pipe:
        place = pipe.ask(asdict(scene))
        yield Emulator(**place, pipe=pipe)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of Keyturn in a process of its own, warm after its first invocation."""

    pipe: _Pipe
    loaded: Took
    """What it took to import it."""

    def invoke(self, event: object, *, seconds: float) -> Took:
        """Let it handle an event, with so much time."""
        return Took(**self.pipe.ask({"event": event, "seconds": seconds}))


@contextmanager
def function(
    name: str,
    emulator: Emulator,
    *,
    checkout: Path = ROOT,
    at: str | None = None,
    profile: Path | None = None,
    **settings: str,
) -> Iterator[Function]:
    """Start a function: of this checkout or another, now or at another moment."""
    command = [sys.executable, str(HERE / "worker.py"), f"keyturn.functions.{name}"]
    if at is not None:
        command += ["--at", at]
    if profile is not None:
        command += ["--profile", str(profile)]
    environment = {
        **emulator.environment(name),
        **settings,
        "PYTHONPATH": str(checkout / "src"),
    }
    with _started(command, environment, cwd=checkout) as pipe:
        yield Function(pipe=pipe, loaded=Took(**pipe.hear()))


def command(emulator: Emulator, checkout: Path, *words: str) -> Took:
    """Let an operator give a command; what it prints goes nowhere."""
    with NamedTemporaryFile() as kept:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, str(HERE / "command.py"), kept.name, *words],
            cwd=checkout,
            env={**emulator.environment("operator"), "PYTHONPATH": f"{checkout / 'src'}:{ROOT}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        wall = time.perf_counter() - began
        if done.returncode:
            raise RuntimeError(f"keyturn {' '.join(words)}: {done.returncode}\n{done.stderr}")
        return Took(wall=wall, **json.load(kept))


@contextmanager
def _started(command: list[str], environment: Mapping[str, str], *, cwd: Path) -> Iterator[_Pipe]:
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield _Pipe(process)
        finally:
            _part(process.stdin).close()
            process.wait(timeout=60)
