"""Text normalization: from written text to words as they are read aloud."""
