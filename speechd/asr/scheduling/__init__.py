"""The queue of one recogniser."""
