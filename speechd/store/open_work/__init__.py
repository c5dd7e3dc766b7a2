"""How much work is open."""
