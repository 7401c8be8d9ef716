"""
Cloud Custodian's own command line, at another time: `custodian.py SECONDS run …`.

It runs in Cloud Custodian's environment, and knows nothing of Keyturn.
"""

import sys

import time_machine
from c7n.cli import main

if __name__ == "__main__":
    moment = float(sys.argv.pop(1))
    with time_machine.travel(moment):
        main()
