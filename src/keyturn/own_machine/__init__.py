"""
What an owner does with a delivered key on their own machine: `keyturn pickup` and `credentials`.

A wing of its own, as deployment/ is. It reads the values of secrets, which the engine never does
and has no adapter for; the engine does not know it, and nothing of it is in the functions' zips.
"""
