"""What is on the wire of every call that takes a recording."""
