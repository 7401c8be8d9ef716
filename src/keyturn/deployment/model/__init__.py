"""What a deployment is made of and what can be wrong with one; no I/O, no AWS SDK."""
