"""How a server becomes ready, and how it leaves without losing a request."""
