#!/bin/sh
# Prints the Python to build .venv with: the one that is asked for, else the newest of 3.13 to 3.11 that runs.
# A name on PATH proves nothing: a pyenv shim stands there for versions that are not switched on.
set -u
asked=${1:-}
incomplete=""

try() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || return 0
    if "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        exec "$1" -c 'import sys; print(sys.executable)'
    fi
    incomplete=${incomplete:-$1}
}

if [ -n "$asked" ]; then
    try "$asked"
else
    for version in 3.13 3.12 3.11; do
        try "python$version"
        for pyenv in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version"*/bin/python; do
            try "$pyenv"
        done
    done
    try python3
fi

if [ -n "$incomplete" ]; then
    echo "$incomplete cannot make a virtual environment. Debian, Ubuntu: apt install python3-venv" >&2
elif [ -n "$asked" ]; then
    echo "$asked is not a Python 3.11 or newer that runs." >&2
else
    echo "There is no Python 3.11 or newer here that runs. Install one, or name it: make setup PYTHON=/path/to/python3" >&2
fi
exit 1
