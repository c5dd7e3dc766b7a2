"""`speechd listen`."""
