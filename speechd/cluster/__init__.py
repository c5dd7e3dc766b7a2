"""Many machines as one, by Ray (extra `cluster`)."""
