"""Runs over folders of recordings: discovery, transcription, outputs, journal."""
