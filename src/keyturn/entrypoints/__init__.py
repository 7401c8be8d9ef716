"""
The functions' handlers by their former names, for one version.

A stack asks for them whose template is older than its zips: for the seconds in which an update
has brought the code and not yet the handler's name, and where somebody brings new zips by the
parameter `LambdaFolder` alone. Without them every message and order of that time would fail.
"""
