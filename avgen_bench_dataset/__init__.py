"""Room for the dataset repository, as it is pushed to the Hub. Nothing is in it yet."""
