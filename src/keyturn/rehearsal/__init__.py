"""
What `keyturn rehearse` does: the life of a key, and AWS's own behaviour, tried on the user's AWS.

A wing of its own, as deployment/ is: the engine does not know it, and nothing of it is in the
functions' zips. Whatever it makes lies under one IAM path and one name prefix, and its every write
passes one rule (model/guard.py).
"""
