"""Schemas of administration."""
