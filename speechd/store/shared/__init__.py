"""What several servers on one database share."""
