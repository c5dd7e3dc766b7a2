"""Identical requests are computed once, and their results are kept for a while."""
