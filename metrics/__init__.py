"""One Space folder per metric family."""
