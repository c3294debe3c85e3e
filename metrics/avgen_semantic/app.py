"""The Space of the semantic family; everything is in :mod:`avgen_bench.space`."""

from avgen_bench.space import launch

if __name__ == "__main__":
    launch("semantic")
