"""Requests to URLs that a caller names, and the signature of webhooks."""
