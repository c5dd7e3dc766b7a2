"""Where a model's files come from: one class per kind of source behind one Protocol (`base.Source`)."""
