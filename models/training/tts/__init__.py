"""How the embedded voices are made; see README.md."""
