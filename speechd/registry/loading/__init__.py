"""Loading models into memory, and unloading them."""
