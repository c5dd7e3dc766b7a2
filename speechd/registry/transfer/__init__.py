"""Transfer of models: pulls, bundles and mirrors."""
