"""Models on their way here and from here: pulls, bundles and mirrors."""
