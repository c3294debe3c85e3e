"""The dataset repository, as it is pushed to the Hub."""
