"""Models and folders on a Ray cluster: `serving` behind the HTTP API, `folders` for `speechd transcribe --cluster`."""
