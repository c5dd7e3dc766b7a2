"""speechd: a self-hosted speech service that answers like the hosted audio APIs."""

import os

__version__ = "0.2.0"

# ONNX Runtime's own builds send telemetry unless this is set before it loads (newer ones also on Linux).
# Users of a self-hosted service expect that nothing leaves the machine.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
