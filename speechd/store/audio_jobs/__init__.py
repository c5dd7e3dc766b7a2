"""Audio requests that are answered later, and their webhooks."""
