"""Checks of an installation, for `speechd doctor` and for the status of a running server."""
