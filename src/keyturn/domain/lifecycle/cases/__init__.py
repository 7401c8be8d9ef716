"""The lines of the rule, a file for each group; their order stands in `lifecycle/decide.py`."""
