"""`keyturn rehearse --permissions`: the policies to copy; nothing is asked of AWS."""

import json
import sys

from keyturn.cli.given import given
from keyturn.cli.options import Findings
from keyturn.cli.own_credentials import make_session
from keyturn.cli.rehearse_options import RehearseOutput, RehearseSettings, RehearseWhere
from keyturn.deployment.model.resources import INVENTORY, ROTATION
from keyturn.domain.errors import InvalidValue
from keyturn.rehearsal.model.permissions import Wanted, policies
from keyturn.settings import Settings

AWS_OWN = "aws/secretsmanager"


def show_permissions(
    where: RehearseWhere, told: RehearseSettings, output: RehearseOutput, *, with_probes: bool
) -> int:
    """Show a policy for each of whom one is needed; with_probes: with what only probes take."""
    settings = Settings.read(given(where, told))
    wanted = Wanted(
        partition=_partition(where),
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


def _partition(where: RehearseWhere) -> str:
    """As ARNs of the region have it: aws, aws-cn … Raises InvalidValue for what is no region."""
    try:
        session = make_session(where.profile, where.region)
    except InvalidValue:
        if where.region is not None or where.profile is not None:
            raise
        return "aws"  # no region is known here, and a policy to copy needs none
    return session.get_partition_for_region(str(session.region_name))
