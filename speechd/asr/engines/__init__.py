"""Adapters to the libraries that recognise speech, one module each."""
