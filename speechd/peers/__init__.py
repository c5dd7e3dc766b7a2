"""Other servers on the same database: who they are, and what goes from one to another."""
