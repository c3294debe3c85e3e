"""Room for one Space folder per metric family. Nothing is in it yet."""
