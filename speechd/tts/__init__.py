"""Speech: what to say, the engine that says it, and the story of one request."""
