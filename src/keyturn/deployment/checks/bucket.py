"""The bucket: that it guards its proofs, and whether Keyturn is paused in it."""

import json
from typing import ClassVar

from keyturn.deployment.checks.health_check import AGAIN, HealthCheck, problem, warning
from keyturn.deployment.checks.observed import Observed
from keyturn.deployment.model.health import Check, Finding, FindingCode


class BucketProtections(HealthCheck):
    """The bucket is there, and has every protection."""

    id = Check.BUCKET
    needs = (
        "s3:ListBucket, GetBucketPublicAccessBlock, GetEncryptionConfiguration, "
        "GetBucketVersioning, GetBucketPolicy and GetLifecycleConfiguration"
    )
    remedies: ClassVar = {
        FindingCode.BUCKET_MISSING: problem(f"{AGAIN}; receipts that were in it are lost"),
        FindingCode.BUCKET_UNPROTECTED: problem(f"{AGAIN}: it gives the bucket what it lacks"),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at the bucket; statements that its policy lacks are given to be copied."""
        bucket, prefix = seen.bucket_and_prefix
        if not seen.probes.artifact_bucket.exists(bucket):
            return self.faulty(FindingCode.BUCKET_MISSING, f"there is no bucket {bucket}")
        lacking = seen.probes.artifact_bucket.lacks(bucket, prefix)
        if lacking:
            missing = seen.probes.artifact_bucket.missing_statements(bucket, prefix)
            by_hand = f". By hand, add to its policy: {json.dumps(missing)}" if missing else ""
            said = f"{bucket} lacks: {', '.join(lacking)}"
            return self.faulty(FindingCode.BUCKET_UNPROTECTED, said, by_hand)
        return self.well(f"{bucket} has every protection")


class NotPaused(HealthCheck):
    """Nobody has paused Keyturn."""

    id = Check.PAUSE
    needs = "s3:ListBucket and GetObject on paused.json"
    remedies: ClassVar = {
        FindingCode.PAUSED: warning("nothing is written until `keyturn resume`"),
    }

    def look(self, seen: Observed) -> Finding:
        """Look for the object that pauses."""
        found = seen.probes.pause_flag(*seen.bucket_and_prefix).pause()
        if found is None:
            return self.well("nobody has paused Keyturn")
        said = f"paused by {found.by} since {found.at:%Y-%m-%d %H:%MZ}: {found.why}"
        return self.faulty(FindingCode.PAUSED, said)
