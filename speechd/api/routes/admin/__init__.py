"""Administration over HTTP: the state of the server, its settings and its keys."""
