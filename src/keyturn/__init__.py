"""Keeps AWS IAM access keys young, and tells before it acts."""
