"""The text endpoints: a proxy to the LLM backends, and conversions where a backend has another form."""
