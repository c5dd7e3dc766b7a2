"""The calls of other servers, off unless SPEECHD_COMPAT opens them: each is a thin adapter over a transcription."""
