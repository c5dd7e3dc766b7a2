"""`speechd transcribe` and `speechd translate`: options, run, display."""
