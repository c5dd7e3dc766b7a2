"""What a process tells of itself: metrics, traces, one log, and what is noted of each request."""
