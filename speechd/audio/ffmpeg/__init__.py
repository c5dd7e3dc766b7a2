"""Decoding with FFmpeg, in whichever process: containers, tracks, frames to 16 kHz. Only `isolation` runs it."""
