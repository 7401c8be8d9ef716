"""A company on this machine, with an AWS, people, old keys and a clock that can be moved."""
