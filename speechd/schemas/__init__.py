"""Requests and replies of the HTTP API, as Pydantic models."""
