"""Lambda, read; and asked to say that an address can be reached, never written to."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.deployment.model.facts import Concurrency, FunctionFacts
from keyturn.domain.errors import Refused

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


# https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
_OFF = {"Disabling", "Disabled", "Deleting"}


class AwsFunctions:
    """Meets `deployment.ports.Functions`."""

    def __init__(self, lambda_: "LambdaClient") -> None:
        self._lambda = lambda_

    def look(self, name: str) -> FunctionFacts:
        """A function as it is."""
        with aws_errors_translated():
            found = self._lambda.get_function_configuration(FunctionName=name)
            concurrency = self._lambda.get_function_concurrency(FunctionName=name)
        return FunctionFacts(
            runtime=found.get("Runtime", ""),
            handler=found.get("Handler", ""),
            timeout=found["Timeout"],
            memory=found["MemorySize"],
            architecture=found.get("Architectures", ["x86_64"])[0],
            variables=found.get("Environment", {}).get("Variables", {}),
            code=found["CodeSha256"],
            reserved=concurrency.get("ReservedConcurrentExecutions"),
        )

    def variables(self, name: str) -> Mapping[str, str]:
        """A function's environment, name → value."""
        with aws_errors_translated():
            found = self._lambda.get_function_configuration(FunctionName=name)
        return found.get("Environment", {}).get("Variables", {})

    def invoke(self, name: str, event: Mapping[str, object]) -> Mapping[str, object]:
        """
        A function's answer to an event.

        Raises Refused with its error, where it failed.
        """
        with aws_errors_translated():
            answer = self._lambda.invoke(FunctionName=name, Payload=json.dumps(event).encode())
            said: dict[str, object] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise Refused(f"{name}: {said.get('errorMessage', 'it failed')}")
        return said

    def concurrency(self) -> Concurrency:
        """How many functions may run at the same time."""
        with aws_errors_translated():
            limit = self._lambda.get_account_settings()["AccountLimit"]
        return Concurrency(
            limit=limit["ConcurrentExecutions"],
            unreserved=limit["UnreservedConcurrentExecutions"],
        )

    def takes_from(self, name: str) -> frozenset[str]:
        """The queues that give it work now."""
        with aws_errors_translated():
            pages = self._lambda.get_paginator("list_event_source_mappings").paginate(
                FunctionName=name
            )
            found = [each for page in pages for each in page["EventSourceMappings"]]
        return frozenset(
            each["EventSourceArn"].rpartition(":")[2]
            for each in found
            if each["State"] not in _OFF
        )
