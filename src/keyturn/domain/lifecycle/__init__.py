"""The lifecycle of a key: what is due for it today, why, and what comes."""
