"""Decoding in processes of their own: one for each recording, with next to no rights."""
