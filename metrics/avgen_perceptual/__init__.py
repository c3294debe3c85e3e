"""The Space and the ``evaluate`` module of the perceptual family."""
