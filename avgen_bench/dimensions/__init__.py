"""One file per dimension: its facts, what it needs, and a pure ``measure``."""
