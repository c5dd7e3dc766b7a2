"""Middleware: access, limits, request ids, counting."""
