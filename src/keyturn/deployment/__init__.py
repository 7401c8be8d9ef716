"""
Bring Keyturn into an organisation, and look a deployment over: `keyturn deploy` and `doctor`.

A wing of its own, with its own model, ports, adapters and wiring. It may use the engine; the
engine does not know it, and nothing of it is in the functions' zips.
"""
