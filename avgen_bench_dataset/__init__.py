"""The dataset repository exactly as it goes to the Hub: card, parquet, and the builder class for ``datasets``.

Everything in it but the builder is written by ``python -m avgen_bench.builders build``.
"""
