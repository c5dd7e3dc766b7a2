"""The text endpoints: a proxy to the companion backends, and translations where a backend speaks another form."""
