"""Ways to a generator: a command of one's own, a provider by Hugging Face's client, a pipeline of diffusers.

A generator only makes one clip at a place that it is told. What is asked, what was asked before, and what becomes of
the file is the business of :mod:`avgen_bench.generate`.
"""
