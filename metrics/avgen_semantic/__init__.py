"""The Space and the ``evaluate`` module of the semantic family."""
