"""How: a file for each outside system that a rehearsal makes things in, or takes them out of."""
