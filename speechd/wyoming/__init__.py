"""A front door beside the HTTP API: the Wyoming protocol, by which Home Assistant and voice satellites ask."""
