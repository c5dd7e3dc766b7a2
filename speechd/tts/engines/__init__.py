"""Adapters to the libraries that speak, one module each."""
