"""Parameters that tell speakers apart."""
