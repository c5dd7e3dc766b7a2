"""What Prometheus is answered: a snapshot of the process, and a port of its own."""
