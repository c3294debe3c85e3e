"""Templates and renderers of dataset, metric, checker and model cards."""
