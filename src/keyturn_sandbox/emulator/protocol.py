"""
AWS's protocols, as a request is read from them and an answer written in them.

botocore has already serialised a request when it reaches us, and will parse
whatever we answer: so both are done here as AWS does them, in the protocol of
each service. Only the shapes that the sandbox's services use are known.
"""

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.model import OperationModel, ServiceModel

Params = Mapping[str, Any]

# botocore's events call these services by other names than its clients do.
_CLIENT_NAMES = {
    "secrets-manager": "secretsmanager",
    "eventbridge": "events",
    "cloudwatch-logs": "logs",
}
_XML_NAMESPACES = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "ses": "http://ses.amazonaws.com/doc/2010-12-01/",
}
_REST_SERVICES = frozenset({"s3", "sesv2"})

_SIGNED_BY = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/.*Signature=(\w+)")
_REQUEST_ID = re.compile(rb"(?<=<RequestId>)[^<]*(?=</RequestId>)")
_ERROR_CODE = re.compile(r"<Code>([^<]*)</Code>")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """One call as AWS sees it arrive."""

    at: datetime
    request_id: str
    service: str
    operation: str
    region: str
    access_key_id: str
    signature: str
    account: str
    principal: str
    params: Params = field(repr=False)  # may hold a secret
    http: AWSPreparedRequest = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """One answer as it goes back over the wire."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    result: Params = field(default_factory=dict, repr=False)


class ApiError(Exception):
    """AWS refuses a call; nothing has changed."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def service_and_operation(event_name: str) -> tuple[str, str]:
    """The service and the operation in a botocore event like `before-send.iam.ListUsers`."""
    _, service, operation = event_name.split(".")
    return _CLIENT_NAMES.get(service, service), operation


def signed_by(http: AWSPreparedRequest) -> tuple[str, str, str]:
    """The id of the access key that signed a request, the region, and the signature; or none."""
    authorization = http.headers.get("Authorization", "")
    if isinstance(authorization, bytes):
        authorization = authorization.decode()
    found = _SIGNED_BY.search(authorization)
    return (found[1], found[2], found[3]) if found else ("", "us-east-1", "")


def params_of(service: str, operation: str, http: AWSPreparedRequest) -> Params:
    """Read the parameters of a request, under the names that boto3 gives them."""
    if service in _XML_NAMESPACES:
        return _form_params(_text(http.body))
    if service in _REST_SERVICES:
        return _rest_params(service, operation, http)
    return _json_params(_text(http.body))


def answered(request: ApiRequest, result: Params) -> ApiResponse:
    """Answer a request with what boto3 shall hand to its caller."""
    if request.service in _XML_NAMESPACES:
        name, namespace = request.operation, _XML_NAMESPACES[request.service]
        body = (
            f'<{name}Response xmlns="{namespace}"><{name}Result>{_xml(result)}</{name}Result>'
            f"<ResponseMetadata><RequestId>{request.request_id}</RequestId></ResponseMetadata>"
            f"</{name}Response>"
        )
    else:
        present = {name: value for name, value in result.items() if value is not None}
        body = json.dumps(present, default=datetime.timestamp)
    return ApiResponse(status=200, body=body.encode(), headers=_id_headers(request), result=result)


def refused(request: ApiRequest, refusal: ApiError) -> ApiResponse:
    """Answer a request with an error."""
    headers = _id_headers(request)
    if request.http.method == "HEAD":
        body = ""
    elif request.service in _XML_NAMESPACES or request.service == "s3":
        error = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
        request_id = f"<RequestId>{request.request_id}</RequestId>"
        body = (
            f"<Error>{error}{request_id}</Error>"
            if request.service == "s3"
            else f"<ErrorResponse><Error>{error}</Error>{request_id}</ErrorResponse>"
        )
    else:
        headers["x-amzn-ErrorType"] = refusal.code
        body = json.dumps({"__type": refusal.code, "message": refusal.message})
    return ApiResponse(
        status=refusal.status, body=body.encode(), headers=headers, error=refusal.code
    )


def passed_on(
    request: ApiRequest, status: int, headers: Mapping[str, str], body: bytes
) -> ApiResponse:
    """Answer with what the emulator said, under the id that we gave the request."""
    text = body.decode(errors="replace")
    return ApiResponse(
        status=status,
        body=_REQUEST_ID.sub(request.request_id.encode(), body),
        headers={**headers, **_id_headers(request)},
        error=_error_code(headers, text) if status >= HTTPStatus.BAD_REQUEST else None,
        result=_json_params(text),
    )


def _id_headers(request: ApiRequest) -> dict[str, str]:
    # S3 calls it otherwise than the rest.
    name = "x-amz-request-id" if request.service == "s3" else "x-amzn-RequestId"
    return {name: request.request_id, "Date": format_datetime(request.at, usegmt=True)}


def _error_code(headers: Mapping[str, str], body: str) -> str:
    if found := _ERROR_CODE.search(body):
        return found[1]
    named = _json_params(body).get("__type") or headers.get("x-amzn-ErrorType") or "Unknown"
    return str(named).rsplit("#", 1)[-1]


def _text(body: object) -> str:
    if isinstance(body, bytes):
        return body.decode(errors="replace")
    return body if isinstance(body, str) else ""


def _json_params(body: str) -> Params:
    try:
        params = json.loads(body)
    except ValueError:
        return {}
    return params if isinstance(params, dict) else {}


def _form_params(body: str) -> Params:
    """Read `Tags.member.1.Key=team` as `{"Tags": [{"Key": "team"}]}`."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(body, keep_blank_values=True):
        *path, last = [part for part in name.split(".") if part != "member"]
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
        branch[last] = value
    return {
        name: _numbered_as_list(value)
        for name, value in tree.items()
        if name not in {"Action", "Version"}
    }


def _numbered_as_list(branch: object) -> Any:  # noqa: ANN401 - a tree of strings
    if not isinstance(branch, dict):
        return branch
    if all(name.isdigit() for name in branch):
        return [_numbered_as_list(branch[name]) for name in sorted(branch, key=int)]
    return {name: _numbered_as_list(value) for name, value in branch.items()}


def _rest_params(service: str, operation: str, http: AWSPreparedRequest) -> Params:
    """Read what a REST request carries in its path, its query, its headers and a JSON body."""
    url = urlsplit(http.url)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    path = _path_params(_operation_model(service, operation), url.netloc, url.path)
    # What S3 gets in a body is an object, and no parameter.
    body = {} if service == "s3" else _json_params(_text(http.body))
    headers = {name.lower(): value for name, value in http.headers.items()}
    params: dict[str, Any] = {}
    for name, location, wire_name in _places(service, operation):
        match location:
            case "uri":
                value = path.get(wire_name)
            case "querystring":
                value = query.get(wire_name)
            case "header":
                value = headers.get(wire_name.lower())
            case _:
                value = body.get(wire_name)
        if value is not None:
            params[name] = value.decode() if isinstance(value, bytes) else value
    return params


@functools.cache
def _places(service: str, operation: str) -> Sequence[tuple[str, str | None, str]]:
    """Each parameter of an operation: its name, where a request carries it, and as what."""
    shape = _operation_model(service, operation).input_shape
    return [
        (name, member.serialization.get("location"), member.serialization.get("name", name))
        for name, member in (shape.members if shape else {}).items()
    ]


def _path_params(model: OperationModel, host: str, path: str) -> Mapping[str, str]:
    if ".s3." in host:
        return {"Bucket": host.partition(".s3.")[0], "Key": unquote(path[1:])}
    if host.startswith("s3."):  # a bucket whose name cannot stand in the host's
        bucket, _, key = path[1:].partition("/")
        return {"Bucket": bucket, "Key": unquote(key)}
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", model.http["requestUri"])
    found = re.fullmatch(pattern, path)
    return {name: unquote(value) for name, value in found.groupdict().items()} if found else {}


@functools.cache
def _operation_model(service: str, operation: str) -> OperationModel:
    return _service_model(service).operation_model(operation)


@functools.cache
def _service_model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def _xml(value: object) -> str:
    match value:
        case dict():
            return "".join(
                f"<{name}>{_xml(part)}</{name}>"
                for name, part in value.items()
                if part is not None
            )
        case list():
            return "".join(f"<member>{_xml(part)}</member>" for part in value)
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%SZ")  # AWS tells times to the second
        case _:
            return escape(str(value))
