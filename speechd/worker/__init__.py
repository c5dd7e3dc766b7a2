"""Processes the queue: batches, audio jobs and webhooks."""
