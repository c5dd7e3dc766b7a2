"""Diarization of a request: beside its transcription, or alone."""
