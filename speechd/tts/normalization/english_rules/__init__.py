"""The rules of English by category, in tables that run one after the other."""
