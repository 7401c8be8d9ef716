"""
Run as a program on a terminal: one old key in a shop, and the command line in front of it.

An argument KEY stands for the last key's id.
"""

import os
import sys
import time
from collections.abc import Callable

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.cli.organisation import BUCKET, NOW, OURS, SHOP, add_user, build, environment
from tests.listening import tell_the_canary


def slowly(request: ApiRequest, go_on: Callable[[ApiRequest], ApiResponse]) -> ApiResponse:
    """Let every call take its time."""
    time.sleep(0.1)
    return go_on(request)


tell_the_canary()
with LocalCloud(now=NOW) as cloud:
    build(cloud)
    for number in range(int(os.environ.get("USERS", "1"))):
        [key] = add_user(cloud, SHOP, f"bot-{number:03}", 100)
    s3 = cloud.session(OURS).client("s3")
    s3.put_object(Bucket=BUCKET, Key="snapshots/of-a-run.json", Body=b"{}")
    if "FOREIGN" in os.environ:
        secret_store = cloud.session(SHOP).client("secretsmanager")
        secret_store.create_secret(Name=os.environ["FOREIGN"], SecretString="theirs")
    if "PAUSED" in os.environ:
        s3.put_object(Bucket=BUCKET, Key="paused.json", Body=os.environ["PAUSED"].encode())
    os.environ.update(environment(cloud.session(OURS)))
    if "SLOW" in os.environ:
        cloud.layers.append(slowly)
    try:
        app([key if each == "KEY" else each for each in sys.argv[1:]])
    finally:
        sys.stdout.write(f"keys: {len(cloud.keys(SHOP))}\n")
        sys.stdout.write(f"paused: {'paused.json' in cloud.objects(BUCKET)}\n")
        sys.stdout.write(f"adopted: {[s.name for s in cloud.secrets(SHOP) if s.tags]}\n")
