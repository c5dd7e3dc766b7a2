"""`speechd transcribe` and `speechd translate`: options, what is run, what is shown."""
