"""What writes the dataset repository: reviewed prompt sources, validators, the importer of the official prompts.

``python -m avgen_bench.builders`` lists the commands. Nothing here is needed to score clips.
"""
