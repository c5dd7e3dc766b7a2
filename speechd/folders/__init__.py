"""Runs over folders of recordings: what is found, done, written and noted."""
