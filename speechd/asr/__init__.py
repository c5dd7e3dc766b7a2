"""Speech recognition: from audio windows to words with times."""
