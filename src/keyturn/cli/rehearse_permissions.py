"""`keyturn rehearse --permissions`: the policies to copy; nothing is asked of AWS."""

import json
import sys

from keyturn.cli.given import given
from keyturn.cli.options import Findings
from keyturn.cli.rehearse_options import RehearseOutput, RehearseSettings, RehearseWhere
from keyturn.deployment.model.resources import INVENTORY, ROTATION
from keyturn.rehearsal.model.permissions import Wanted, policies
from keyturn.settings import Settings

AWS_OWN = "aws/secretsmanager"


def show_permissions(
    where: RehearseWhere, told: RehearseSettings, output: RehearseOutput, *, with_probes: bool
) -> int:
    """Show a policy for each of whom one is needed; with_probes: with what only probes take."""
    settings = Settings.read(given(where, told))
    wanted = Wanted(
        account=where.account or "*",
        role=where.role_name,
        exemption_group=settings.exemption_group,
        bucket=settings.bucket,
        seal_key=settings.seal_key,
        functions=(INVENTORY, ROTATION) if where.deployed else (),
        has_kms_key=where.deployed or settings.secrets_key is not None,
        has_probes=with_probes,
        has_reader=where.reader_role is not None,
    )
    found = policies(wanted)
    if output.format is Findings.JSON:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return 0
    for who, policy in found.items():
        sys.stdout.write(f"Policy for {who}:\n{json.dumps(policy, indent=2)}\n")
    return 0
