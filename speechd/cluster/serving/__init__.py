"""`speechd serve --cluster`: models run in replicas of Ray Serve, and the API process holds stubs for them."""
