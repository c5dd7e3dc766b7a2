"""Every voice at one loudness: measuring it, and the gain of each speaker."""
