"""Models: catalog, installed files, downloads, and the models in memory."""
