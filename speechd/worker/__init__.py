"""Works on the queue: batches, audio jobs and webhooks."""
