"""What survives the process: files, batches, and the queue of their lines, in one database and the data folder."""
