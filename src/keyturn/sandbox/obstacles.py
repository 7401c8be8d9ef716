"""What stands in a caller's way for a while: a denial, or throttling."""

from dataclasses import dataclass

from keyturn.sandbox.wire import Refused, Request

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
class Obstacle:
    """Refuses an operation, a number of times or until it is lifted."""

    operation: str  # "TagResource", or "secretsmanager:TagResource" where that is not enough
    account: str | None = None  # None: in every account
    error: str | None = None  # None: what the service says of a denial
    times: int | None = None  # None: until lifted

    def lift(self) -> None:
        """Let calls pass again."""
        self.times = 0

    def meet(self, request: Request) -> None:
        """Refuse a request that is meant; let any other pass."""
        operations = {request.operation, f"{request.service}:{request.operation}"}
        if self.times == 0 or self.operation not in operations:
            return
        if self.account not in {None, request.account}:
            return
        if self.times is not None:
            self.times -= 1
        raise self._refusal(request)

    def _refusal(self, request: Request) -> Refused:
        code = self.error or _DENIED.get(request.service, "AccessDeniedException")
        action = f"{request.service}:{request.operation}"
        message = f"User: {request.principal} is not authorized to perform: {action}"
        return Refused(code, message, 403)


@dataclass(slots=True, kw_only=True)
class Throttling(Obstacle):
    """Refuses an operation because too much is asked."""

    def _refusal(self, request: Request) -> Refused:
        code = self.error or _THROTTLED.get(request.service, "ThrottlingException")
        return Refused(code, "Rate exceeded", 503 if request.service == "s3" else 400)
