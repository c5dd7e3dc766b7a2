"""Transcription of audio while it arrives: the one path of sockets, protocols and commands that listen."""

from speechd.operations.live.events import (
    LiveEvent,
    TextDelta,
    TurnCommitted,
    TurnCompleted,
    TurnFailed,
    TurnStarted,
    TurnStopped,
)
from speechd.operations.live.pcm_input import WireFormat
from speechd.operations.live.session import LiveConfig, LiveTranscription
from speechd.operations.live.turn_detection import TurnDetection

__all__ = [
    "LiveConfig",
    "LiveEvent",
    "LiveTranscription",
    "TextDelta",
    "TurnCommitted",
    "TurnCompleted",
    "TurnDetection",
    "TurnFailed",
    "TurnStarted",
    "TurnStopped",
    "WireFormat",
]
