"""The languages other than English that are read by category: a table of words for each, and rules that all share."""
