"""The realtime API: transcription over a WebSocket, with OpenAI's events."""
