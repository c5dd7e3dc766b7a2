"""Text of speech that is still going on."""
