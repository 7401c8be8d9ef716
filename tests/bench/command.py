"""The command line in a process of its own: arguments: where to write what it took, its own."""

import json
import sys
import time
from pathlib import Path

from tests.bench.worker import peak_mb


def main() -> None:
    """Do as the script `keyturn` does."""
    out, sys.argv = Path(sys.argv[1]), ["keyturn", *sys.argv[2:]]
    try:
        from keyturn.cli.start import main as start  # noqa: PLC0415 -- the import is measured

        start()
    finally:
        out.write_text(json.dumps({"cpu": time.process_time(), "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
