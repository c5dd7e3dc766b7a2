"""Sources of models' files: one class for each kind of source behind one Protocol (`base.Source`)."""
