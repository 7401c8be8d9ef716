"""
Compile sources to bytecode: the half of tools/package.py that Lambda's own Python runs.

On standard input comes a JSON list of files: source, bytecode, and the source's path in Lambda.
"""

import json
import sys
from pathlib import Path
from py_compile import PycInvalidationMode
from py_compile import compile as write_bytecode

for source, bytecode, shown in json.load(sys.stdin):
    Path(bytecode).parent.mkdir(parents=True, exist_ok=True)
    write_bytecode(
        source,
        cfile=bytecode,
        dfile=shown,  # or the path on this machine would stand in it
        doraise=True,
        # Lambda unpacks a source with a time of its own, and it never changes there.
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )
