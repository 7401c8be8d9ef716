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


class EvidenceLocked(HealthCheck):
    """If Object Lock is on, it keeps something."""

    id = Check.OBJECT_LOCK
    needs = "s3:GetBucketObjectLockConfiguration"
    remedies: ClassVar = {
        FindingCode.LOCK_KEEPS_NOTHING: warning(
            "give it a default retention (`aws s3api put-object-lock-configuration`): what "
            "Keyturn stores asks for none"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look for a default retention, where Object Lock is used."""
        bucket, _ = seen.bucket_and_prefix
        lock = seen.probes.artifact_bucket.object_lock(bucket)
        if lock is None:
            return self.well(
                "Object Lock is off: the bucket's policy and the audit chain guard it"
            )
        if lock.mode is None:
            said = f"{bucket} has Object Lock, and no default retention"
            return self.faulty(FindingCode.LOCK_KEEPS_NOTHING, said)
        return self.well(f"Object Lock keeps every version for {lock.days} days ({lock.mode})")


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
        return self.faulty(FindingCode.PAUSED, "; ".join((said, *found.others)))
