"""Voices that are known by name."""
