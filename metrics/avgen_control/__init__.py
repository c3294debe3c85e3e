"""The Space and the ``evaluate`` module of the control family."""
