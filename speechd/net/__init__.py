"""Whatever opens a URL that a caller named, and the signature of callbacks."""
