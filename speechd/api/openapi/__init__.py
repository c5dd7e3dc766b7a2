"""The parts of the OpenAPI schema that FastAPI does not derive."""
