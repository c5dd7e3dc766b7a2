"""Schemas of transcripts that a caller gives back."""
