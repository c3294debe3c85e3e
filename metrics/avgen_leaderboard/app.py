"""The leaderboard Space; everything is in :mod:`avgen_bench.leaderboard`."""

from pathlib import Path

from avgen_bench.leaderboard import launch

if __name__ == "__main__":
    launch(Path(__file__).parent / "entries")
