"""
Run as a program on a terminal: one old key in a shop, and the command line in front of it.

An argument KEY stands for the last key's id.
"""

import os
import sys
import time
from collections.abc import Callable

from keyturn.entrypoints.cli import app
from keyturn.sandbox.cloud import LocalCloud
from keyturn.sandbox.wire import Answer, Request
from tests.entrypoints.organisation import NOW, OURS, SHOP, add_user, build, environment
from tests.listening import tell_the_canary


def slowly(request: Request, go_on: Callable[[Request], Answer]) -> Answer:
    """Let every call take its time."""
    time.sleep(0.1)
    return go_on(request)


tell_the_canary()
with LocalCloud(now=NOW) as cloud:
    build(cloud)
    for number in range(int(os.environ.get("USERS", "1"))):
        [key] = add_user(cloud, SHOP, f"bot-{number:03}", 100)
    os.environ.update(environment(cloud.session(OURS)))
    if "SLOW" in os.environ:
        cloud.layers.append(slowly)
    try:
        app([key if each == "KEY" else each for each in sys.argv[1:]])
    finally:
        sys.stdout.write(f"keys: {len(cloud.keys(SHOP))}\n")
