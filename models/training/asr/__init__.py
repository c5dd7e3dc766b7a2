"""Training recipe of the embedded Whisper (models/whisper-pocket)."""
