"""What Lambda has to load of a function's zip: how large it is, and how long its import takes."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

FUNCTIONS = ("inventory", "rotation", "notifier", "channels", "reporter")
TIMES = 7
_IMPORT = """
import json, sys, time
sys.path[:0] = json.loads(sys.argv[1])
began = time.process_time()
__import__(sys.argv[2])
print(time.process_time() - began)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zip:
    """A function's zip, unpacked as Lambda does."""

    megabytes: float
    folder: Path


@contextmanager
def unpacked(checkout: Path) -> Iterator[Mapping[str, Zip]]:
    """Build a checkout's zips, and unpack them; by the function's name."""
    with TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "tools/package.py", folder],
            cwd=checkout,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        found = {}
        for name in FUNCTIONS:
            packed, to = Path(folder, f"{name}.zip"), Path(folder, name)
            with zipfile.ZipFile(packed) as archive:
                archive.extractall(to)
            found[name] = Zip(megabytes=packed.stat().st_size / 1e6, folder=to)
        yield found


def import_ms(*what: tuple[str, Path]) -> list[float]:
    """
    CPU milliseconds of each import of a module of a folder, in a new process each.

    In turns, for other work on the machine slows all of them; the median of several. Nothing
    writes bytecode: in Lambda nothing can.
    """
    took = [[_import(module, folder) for module, folder in what] for _ in range(TIMES)]
    return [1000 * statistics.median(each) for each in zip(*took, strict=True)]


@contextmanager
def sdk_with_bytecode(of: Zip) -> Iterator[Path]:
    """The folder of a zip, with bytecode beside its sources, whether it came with some or not."""
    with TemporaryDirectory() as folder:
        shutil.copytree(of.folder, folder, dirs_exist_ok=True)
        subprocess.run(
            (
                sys.executable,
                "-m",
                "compileall",
                "-q",
                "--invalidation-mode=unchecked-hash",
                folder,
            ),
            check=True,
        )
        yield Path(folder)


def _import(module: str, folder: Path) -> float:
    done = subprocess.run(
        # Without this machine's own packages.
        [sys.executable, "-I", "-S", "-B", "-c", _IMPORT, json.dumps([str(folder)]), module],
        env={"PATH": os.environ["PATH"], "AWS_REGION": "us-east-1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout)
