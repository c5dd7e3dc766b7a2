"""Speech for training: free synthesisers, some of their voices held out for evaluation."""
