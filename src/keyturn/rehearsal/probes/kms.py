"""What Keyturn relies on of the KMS key of all seals; it is asked, and never changed."""

from typing import Final

from keyturn.rehearsal.model.verdict import NotTried
from keyturn.rehearsal.probes.bench import Bench, expect
from keyturn.rehearsal.probes.probe import Probe, Unprobed

_API: Final = "https://docs.aws.amazon.com/kms/latest/APIReference"
_MESSAGE: Final = b"keyturn-rehearsal"
"""Not what seals are made of: that answer is a key, and belongs nowhere else."""


def _mac_is_the_same(bench: Bench) -> str:
    kms, key = bench.client("kms"), _seal_key(bench)
    asked = {"KeyId": key, "MacAlgorithm": "HMAC_SHA_256", "Message": _MESSAGE}
    first, second = (kms.generate_mac(**asked)["Mac"] for _ in range(2))
    expect(first == second, "the same message has two MACs")
    other = kms.generate_mac(**{**asked, "Message": _MESSAGE + b"-2"})["Mac"]
    expect(other != first, "two messages have the same MAC")
    return "the same message, the same MAC"


def _one_key_many_names(bench: Bench) -> str:
    kms, key = bench.client("kms"), _seal_key(bench)
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    again = kms.describe_key(KeyId=arn)["KeyMetadata"]
    by_id = kms.describe_key(KeyId=again["KeyId"])["KeyMetadata"]
    expect(arn == again["Arn"] == by_id["Arn"], "its names are described with several ARNs")
    return "one ARN, by each name"


def _seal_key(bench: Bench) -> str:
    if bench.seal_key is None:
        raise NotTried("no seal key is given (--seal-key)")
    return bench.seal_key


PROBES: Final = (
    Probe(
        name="mac-is-the-same",
        claim="`GenerateMac` answers the same for the same key and message",
        source=f"{_API}/API_GenerateMac.html",
        rests_on_it=("0021", "adapters/kms.py"),
        otherwise="No seal would be known again: Keyturn would write to no secret",
        actions=("kms:GenerateMac",),
        run=_mac_is_the_same,
    ),
    Probe(
        name="one-key-many-names",
        claim="`DescribeKey` gives one ARN for each name of a key: id, ARN, alias",
        source=f"{_API}/API_DescribeKey.html",
        rests_on_it=("0021", "adapters/kms.py"),
        otherwise=(
            "A secret under the right key would be taken for one under another, and left alone"
        ),
        actions=("kms:DescribeKey",),
        run=_one_key_many_names,
    ),
)

UNPROBED: Final = (
    Unprobed(
        name="hmac-key-is-kept",
        claim="KMS does not renew an HMAC key by itself",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html",
        rests_on_it=("0021",),
        otherwise="All seals would be void at once; secrets would have to be adopted again",
        why="a renewal would come once a year",
    ),
)
