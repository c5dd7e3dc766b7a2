"""Which models there are and how their files come here."""
