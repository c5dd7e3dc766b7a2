"""Many machines: the same service on Ray. Nothing here is imported without the extra `cluster`."""
