"""The text endpoints: a proxy to the LLM backends, and translations where a backend speaks another form."""
