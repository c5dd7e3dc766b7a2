"""Asynchronous audio jobs and their webhooks."""
