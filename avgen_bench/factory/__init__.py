"""Clips whose truth is known: scenes, damage ladders and their rendering, for the demo, the tests and calibration."""
