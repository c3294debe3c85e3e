"""Each metric family's folder: a module for ``evaluate``, and a Space."""
