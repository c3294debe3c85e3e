"""Room for what writes the dataset repository: prompt sources, validators, importers. Nothing is in it yet."""
