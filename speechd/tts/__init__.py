"""Speech synthesis: text, engines, and the path of one request."""
