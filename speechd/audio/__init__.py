"""Audio on its way in: fetching, decoding, finding speech, cutting windows."""
