#!/bin/sh
# Asks OSV for known weaknesses of what uv.lock names: audit.sh UV [OPTION...], options of `uv audit`.
# Exit code 0: none is known. 1: some are, and were named. 2: OSV could not be asked, so nothing is known.
set -u
uv=$1
shift

said=$("$uv" audit --frozen --preview-features audit-command "$@" 2>&1)
code=$?
case $code in
0 | 1) echo "$said" ;;
*) echo "Nothing was audited: $(echo "$said" | grep -m 1 '^error' || echo "$said")" >&2 ;;
esac
exit "$code"
