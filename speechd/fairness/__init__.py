"""How keys share what is bounded, how long a request would wait, and whose turn is next. Pure rules with numbers."""
