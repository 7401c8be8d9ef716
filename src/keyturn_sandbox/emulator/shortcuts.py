"""
What botocore need not do for an AWS that is in this process.

Half the time of a call went into a signature that nobody could check, into a user
agent that nobody reads, and into guessing the format of dates that we write
ourselves; and a new session or client took longer than many calls, for it read the
models of the services and their endpoints anew, made a class with a method for each
operation, and asked of each of its hundreds of handlers what it takes.
moto made a pair of RSA keys for each KMS key, most of which have none.
Before it tries again botocore would sleep, and so would whoever waits for a turn to
send; here the clock is moved instead. What takes the signature's place tells less
about a request, but still proves that its sender knows the key's secret.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cache, lru_cache
from hashlib import sha256
from inspect import isfunction, ismethod
from threading import Condition, Lock
from types import FunctionType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import botocore.endpoint
import botocore.hooks
import botocore.httpsession
import botocore.parsers
import botocore.regions
import botocore.retries.bucket
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, HeadersDict
from botocore.client import BaseClient, ClientCreator
from botocore.endpoint_provider import EndpointProvider
from botocore.hooks import EventAliaser, HierarchicalEmitter, NodeList
from botocore.loaders import Loader, create_loader
from botocore.model import OperationModel, ServiceModel
from botocore.regions import EndpointRulesetResolver
from botocore.useragent import UserAgentString
from moto.kms import models as kms_models

_MODELS: dict[object, object] = {}
_SERVICES: dict[tuple[str, str | None], ServiceModel] = {}
_CLASSES: dict[str, type[BaseClient]] = {}
_PARAMETERS: dict[tuple[str, str], list[str]] = {}
"""Service and operation → parameters of its endpoint that a call, or its client, may name."""
_ENDPOINTS: dict[tuple[int, frozenset[str]], EndpointProvider] = {}
# What these modules hold for themselves, before anything takes its place.
_accepts_kwargs = vars(botocore.hooks)["accepts_kwargs"]
_alias_event_name = vars(EventAliaser)["_alias_event_name"]
_create_client_class = vars(ClientCreator)["_create_client_class"]
_load_service_model = vars(ClientCreator)["_load_service_model"]
_create_ssl_context = botocore.httpsession.create_urllib3_context
_generate_private_key = vars(kms_models)["generate_private_key"]
_parse_any_timestamp = botocore.parsers.DEFAULT_TIMESTAMP_PARSER
_ZULU = _parse_any_timestamp("1970-01-01T00:00:00Z").tzinfo  # the kind that botocore gives


def signature_of(secret: str) -> str:
    """Prove that one knows a secret, without telling it."""
    return sha256(secret.encode()).hexdigest()


@contextmanager
def shortcuts(sleep: Callable[[float], None]) -> Generator[None]:
    """Take the short way through botocore; `sleep` is what everybody does who waits."""
    with ExitStack() as patches:
        for target, name, replacement in (
            (time, "sleep", sleep),
            (botocore.endpoint, "time", SimpleNamespace(sleep=sleep)),
            (botocore.retries.bucket, "threading", _waiting_by(sleep)),
            (SigV4Auth, "canonical_request", _nothing_to_sign),
            (SigV4Auth, "headers_to_sign", _no_headers_to_sign),
            (SigV4Auth, "signature", _sign),
            (SigV4Auth, "payload", _no_hash_of_the_body),
            (UserAgentString, "to_string", _name_user_agent),
            (botocore.session, "create_loader", _create_loader),
            (botocore.parsers, "DEFAULT_TIMESTAMP_PARSER", _parse_timestamp),
            (botocore.hooks, "accepts_kwargs", _accepts_keywords),
            (EventAliaser, "_alias_event_name", _alias),
            (botocore.hooks.__dict__["_PrefixTrie"], "_recursive_copy", _copy_handlers),
            (ClientCreator, "_load_service_model", _model_of),
            (ClientCreator, "_create_client_class", _class_of),
            (botocore.regions, "EndpointProvider", _endpoints_of),
            (EndpointRulesetResolver, "_get_provider_params", _say_where),
            (botocore.httpsession, "create_urllib3_context", cache(_create_ssl_context)),
            (kms_models, "generate_private_key", _make_private_key),
        ):
            patches.enter_context(patch.object(target, name, replacement))
        yield


def _waiting_by(sleep: Callable[[float], None]) -> SimpleNamespace:
    """Let whoever is throttled wait by the clock that is moved."""

    class Moved(Condition):
        def wait(self, timeout: float | None = None) -> bool:
            sleep(timeout or 0)
            return True

    return SimpleNamespace(Lock=Lock, Condition=Moved)


def _nothing_to_sign(_: SigV4Auth, __: AWSRequest) -> str:
    return ""


def _no_headers_to_sign(_: SigV4Auth, __: AWSRequest) -> HeadersDict:
    return HeadersDict()


def _sign(auth: SigV4Auth, _: str, __: AWSRequest) -> str:
    return signature_of(auth.credentials.secret_key or "")


def _no_hash_of_the_body(_: SigV4Auth, __: AWSRequest) -> str:
    return "UNSIGNED-PAYLOAD"


def _name_user_agent(_: UserAgentString) -> str:
    return "keyturn-sandbox"


def _create_loader(search_path: str | None = None) -> Loader:
    loader = create_loader(search_path)
    vars(loader)["_cache"] = _MODELS  # botocore has no other way to share what is read
    return loader


def _accepts_keywords(handler: Callable[..., object]) -> bool:
    if ismethod(handler):  # which would keep its client alive
        handler = handler.__func__
    return _of_function(handler) if isfunction(handler) else bool(_accepts_kwargs(handler))


@lru_cache(512)  # not without end: a closure would keep its client alive too
def _of_function(handler: FunctionType) -> bool:
    return bool(_accepts_kwargs(handler))


def _alias(_: EventAliaser, name: str) -> str:
    return _alias_of(name)


@cache
def _alias_of(name: str) -> str:
    return str(_alias_event_name(EventAliaser(HierarchicalEmitter()), name))


def _copy_handlers(_: object, trie: dict[str, Any]) -> dict[str, Any]:
    """Copy a tree of handlers as botocore does, without asking of each part what it is."""
    return {"_root": _copy_node(trie["_root"])}


def _copy_node(node: dict[str, Any]) -> dict[str, Any]:
    values: NodeList | None = node["values"]
    return {
        "chunk": node["chunk"],
        "children": {name: _copy_node(child) for name, child in node["children"].items()},
        "values": values and NodeList(values.first[:], values.middle[:], values.last[:]),
    }


def _model_of(creator: ClientCreator, service: str, version: str | None = None) -> ServiceModel:
    if (service, version) not in _SERVICES:
        _SERVICES[service, version] = _load_service_model(creator, service, version)
    return _SERVICES[service, version]


def _class_of(creator: ClientCreator, service: str, model: ServiceModel) -> type[BaseClient]:
    if service not in _CLASSES:
        _CLASSES[service] = _create_client_class(creator, service, model)
    return _CLASSES[service]


def _endpoints_of(
    ruleset_data: dict[str, Any],
    partition_data: dict[str, Any],
    excluded_params: frozenset[str] | None = None,
) -> EndpointProvider:
    # The rules are kept in _MODELS for good, so that no other can come to have their identity.
    known_by = id(ruleset_data), frozenset(excluded_params or ())
    if known_by not in _ENDPOINTS:
        _ENDPOINTS[known_by] = EndpointProvider(ruleset_data, partition_data, excluded_params)
    return _ENDPOINTS[known_by]


def _say_where(
    resolver: EndpointRulesetResolver,
    operation: OperationModel,
    call_args: Mapping[str, Any],
    context: dict[str, Any],
) -> dict[str, Any]:
    """
    Gather what an endpoint depends on, as botocore does: it asks four questions a parameter.

    Which of them has an answer is the same for all calls of an operation.
    """
    hidden: Any = resolver  # its stubs leave out what is not public
    builtins = hidden._get_customized_builtins(operation, call_args, context)  # noqa: SLF001 -- as said
    known_by = operation.service_model.service_name, operation.name
    if known_by not in _PARAMETERS:
        _PARAMETERS[known_by] = [
            name
            for name in hidden._param_definitions  # noqa: SLF001 -- as said
            if name in hidden._get_static_context_params(operation)  # noqa: SLF001 -- as said
            or name in hidden._get_dynamic_context_params(operation)  # noqa: SLF001 -- as said
            or name in operation.operation_context_parameters
            or name in hidden._get_client_context_params()  # noqa: SLF001 -- as said
        ]
    found = {
        name: hidden._resolve_param_from_context(  # noqa: SLF001 -- as said
            param_name=name, operation_model=operation, call_args=call_args
        )
        for name in _PARAMETERS[known_by]
    }
    for name, definition in hidden._param_definitions.items():  # noqa: SLF001 -- as said
        if found.get(name) is None and definition.builtin is not None:
            value = builtins.get(definition.builtin)
            found[name] = value() if callable(value) else value
    return {name: value for name, value in found.items() if value is not None}


def _make_private_key(key_spec: str) -> object:
    return _generate_private_key(key_spec) if key_spec.startswith(("RSA", "ECC")) else None


def _parse_timestamp(value: Any) -> datetime:  # noqa: ANN401 - a number, or a text in any format
    if isinstance(value, str) and value.endswith("Z"):
        return datetime.fromisoformat(value).replace(tzinfo=_ZULU)
    return _parse_any_timestamp(value)
