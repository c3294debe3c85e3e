"""Templates of what people look at."""
