"""`speechd doctor`: what may keep this installation from working, and what to do about it."""
