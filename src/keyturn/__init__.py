"""Keeps AWS IAM access keys young, and tells before it acts."""

__version__ = "0.2.0"
"""Said here, too, for a function's zip has no metadata; a test holds it to pyproject.toml."""
