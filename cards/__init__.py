"""Room for templates and renderers of dataset, metric, checker and model cards. Nothing is in it yet."""
