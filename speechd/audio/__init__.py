"""Audio: decoding, voice activity detection, windows, encoding."""
