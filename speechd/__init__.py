"""speechd: a self-hosted speech service that answers like the hosted audio APIs."""

__version__ = "0.1.0"
