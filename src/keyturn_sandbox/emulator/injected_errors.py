"""Errors that stand in a caller's way for a while: a denial, or throttling."""

from dataclasses import dataclass

from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest

# Each service has its own words:
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and its sisters, and
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_DENIED = {"iam": "AccessDenied", "sts": "AccessDenied", "s3": "AccessDenied"}
_THROTTLED = {
    "iam": "Throttling",
    "sts": "Throttling",
    "s3": "SlowDown",
    "organizations": "TooManyRequestsException",
    "sesv2": "TooManyRequestsException",
}


@dataclass(slots=True, kw_only=True)
class InjectedError:
    """Refuses an operation, a number of times or until it is lifted."""

    operation: str  # "TagResource", or "secretsmanager:TagResource" where that is not enough
    account: str | None = None  # None: in every account
    error: str | None = None  # None: what the service says of a denial
    times: int | None = None  # None: until lifted

    def lift(self) -> None:
        """Let calls pass again."""
        self.times = 0

    def apply(self, request: ApiRequest) -> None:
        """Refuse a request that is meant; let any other pass."""
        operations = {request.operation, f"{request.service}:{request.operation}"}
        if self.times == 0 or self.operation not in operations:
            return
        if self.account not in {None, request.account}:
            return
        if self.times is not None:
            self.times -= 1
        raise self._refusal(request)

    def _refusal(self, request: ApiRequest) -> ApiError:
        code = self.error or _DENIED.get(request.service, "AccessDeniedException")
        action = f"{request.service}:{request.operation}"
        message = f"User: {request.principal} is not authorized to perform: {action}"
        return ApiError(code, message, 403)


@dataclass(slots=True, kw_only=True)
class KmsClosed(InjectedError):
    """
    Refuses what asks KMS to encrypt or decrypt: a secret's value, and nothing but it.

    .../secretsmanager/latest/userguide/security-encryption.html: "Each time the secret value in
    a secret changes, Secrets Manager requests a new data key from AWS KMS"; a secret without a
    value, its tags and its deletion ask KMS nothing.
    """

    operation: str = ""
    disabled: bool = False
    """The key is disabled or will be deleted; otherwise its policy refuses the caller."""

    def apply(self, request: ApiRequest) -> None:
        """Refuse a request that carries a value, or asks for one."""
        values = {"SecretString", "SecretBinary"}.intersection(request.params)
        if request.service != "secretsmanager" or self.times == 0:
            return
        if self.account not in {None, request.account}:
            return
        if values or request.operation == "GetSecretValue":
            raise self._refusal(request)

    def _refusal(self, request: ApiRequest) -> ApiError:
        # API_PutSecretValue.html names EncryptionFailure: "Check that the KMS key is available,
        # enabled, and not in an invalid state". A caller whom the key refuses is told as below:
        # https://github.com/aws/aws-cdk/issues/7677
        if self.disabled:
            code = "DecryptionFailure" if "Get" in request.operation else "EncryptionFailure"
            return ApiError(code, f"{code}: the KMS key is not available or not enabled.")
        return ApiError("AccessDeniedException", "Access to KMS is not allowed")


@dataclass(slots=True, kw_only=True)
class Throttling(InjectedError):
    """Refuses an operation because too much is asked."""

    def _refusal(self, request: ApiRequest) -> ApiError:
        return too_fast(request, self.error)


def too_fast(request: ApiRequest, error: str | None = None) -> ApiError:
    """What a service answers when it is asked too fast; error: another code than its own."""
    code = error or _THROTTLED.get(request.service, "ThrottlingException")
    return ApiError(code, "Rate exceeded", 503 if request.service == "s3" else 400)
