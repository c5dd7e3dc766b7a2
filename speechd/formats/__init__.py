"""A transcript as JSON, text, subtitles or a table."""
