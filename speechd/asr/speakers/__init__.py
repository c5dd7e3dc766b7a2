"""Speakers in a transcript: who says each word, as segments of one speaker with a label."""
