"""The real companion for tests: llama.cpp's server, and models of random numbers for it."""
