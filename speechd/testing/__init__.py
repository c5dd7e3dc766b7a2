"""Fake engines for tests; the contract suite of engines runs on them too."""
