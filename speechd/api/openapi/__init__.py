"""What the OpenAPI schema says beyond what FastAPI derives."""
