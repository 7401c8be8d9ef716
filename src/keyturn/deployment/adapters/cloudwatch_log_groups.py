"""Which log groups there are."""

from typing import Any

from keyturn.adapters.aws_errors import aws_errors_translated


class CloudWatchLogGroups:
    """Meets `deployment.ports.LogGroups`."""

    def __init__(self, logs: Any) -> None:  # noqa: ANN401 -- boto3 makes the class at run time
        self._logs = logs

    def exists(self, name: str) -> bool:
        """Whether there is one of this very name: AWS finds by how a name begins."""
        with aws_errors_translated():
            pages = self._logs.get_paginator("describe_log_groups").paginate(
                logGroupNamePrefix=name
            )
            return any(
                group["logGroupName"] == name for page in pages for group in page["logGroups"]
            )
