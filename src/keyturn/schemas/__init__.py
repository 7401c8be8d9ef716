"""
Every JSON that leaves us or comes in, a file for each: its form, its writer, its reader.

docs/schemas is made of these forms. A change that a reader could stumble over raises the form's
version; a new field, or a new word of a list, does not. A form that none of ours reads has no
reader. The writers are handed values of the domain: whoever writes JSON elsewhere knows nothing
of its fields.

Of a decision there is one form, `decision.Decided`, and every other takes it as it is: a field
more is a field of `domain.decision.DecisionSummary`, its line in `decision.py`, and the case of
the rule that fills it.

Ports and use cases may import what is written and read for them (the snapshot, which one of them
completes; the details of events). What strangers send is checked with marshmallow, and that the
core never meets: the contract `core` holds the use cases to it.

Not here: what `keyturn doctor` and `keyturn deploy` answer, for those values belong to their own
wing (cli/doctor.py, cli/deploy.py); and what is stored in a user's secret, for a new key's secret
passes through as few hands as can be (adapters/secrets_manager.py).
"""
