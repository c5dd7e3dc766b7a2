"""What a running process reads again on SIGHUP: the log level, limits and secrets of its TOML file and secret files.

Named keys need no signal: their file is looked at with each request. Variables of the environment cannot change in a
running process.
"""

import logging

from speechd.errors import SpeechdError
from speechd.settings import Settings, read_settings

RELOADED = (
    "allow_any_model",
    "api_key",
    "auto_pull",
    "fetch_allow_hosts",
    "fetch_timeout",
    "key_share",
    "lexicon",
    "log_level",
    "max_audio_seconds",
    "max_json_bytes",
    "max_queue_characters",
    "max_queue_seconds",
    "max_speech_characters",
    "max_speech_seconds",
    "max_upload_bytes",
    "max_wait",
    "webhook_secret",
)
"""Settings that are looked up for each request; those of queues when a model is loaded."""

log = logging.getLogger("speechd")


def reload_settings(settings: Settings) -> None:
    """Takes over what has changed, or keeps everything where the new settings are not valid."""
    try:
        fresh = read_settings()
    except SpeechdError as error:
        log.error("the settings stay as they are: %s", error.message)
        return
    changed = settings.adopt(fresh, RELOADED)
    if "log_level" in changed:
        set_log_level(settings.log_level)
    log.info("the settings were read again; changed: %s", ", ".join(changed) or "nothing")


def set_log_level(level: str) -> None:
    """Of speechd and of the server under it."""
    for name in ("", "uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(level.upper())
