"""Converts the files of models whose weights come in another framework's format; no framework is needed."""
