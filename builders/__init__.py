"""What writes the dataset repository: prompt sources, validators, importers."""
