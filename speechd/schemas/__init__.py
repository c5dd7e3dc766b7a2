"""What is on the wire, as Pydantic models."""
