"""The page at /app: an editor of transcripts, and what else people do in a browser."""
