"""`speechd doctor`: finds problems of this installation, with remedies."""
