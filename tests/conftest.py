"""What all tests run under."""

pytest_plugins = ("tests.canary", "tests.aws_limits")
