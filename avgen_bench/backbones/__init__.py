"""One file per model adapter: from views to one typed observation."""
