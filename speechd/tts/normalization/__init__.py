"""What is written, as a person reads it aloud."""
