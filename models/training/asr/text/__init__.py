"""Training text: number words, a parallel lexicon, sentence templates in four languages."""
