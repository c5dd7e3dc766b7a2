"""Reads the files of a voice without loading it."""

import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechd.errors import EngineFailure
from speechd.tts.engine import SCRIPTS, VoiceInfo

logger = logging.getLogger("speechd.tts")


@dataclass(frozen=True, slots=True)
class VoiceFiles:
    """A voice on disk: NAME.onnx beside NAME.onnx.json."""

    model: Path

    @property
    def config(self) -> Path:
        return self.model.with_name(self.model.name + ".json")

    @staticmethod
    def in_folder(folder: Path) -> "VoiceFiles | None":
        """The voice in a folder, or None where there is none, or only one whose configuration cannot be read."""
        found = (VoiceFiles(path) for path in sorted(folder.glob("*.onnx")))
        return next((files for files in found if files.valid), None)

    @property
    def valid(self) -> bool:
        """Whether its configuration can be read. An error is logged."""
        try:
            self.info()
        except EngineFailure as error:
            logger.warning("%s", error)
            return False
        return True

    def info(self) -> VoiceInfo:
        """Its properties, read from its configuration without loading the voice.

        Raises:
            EngineFailure: it is not a Piper configuration.
        """
        try:
            config = json.loads(self.config.read_text(encoding="utf-8"))
            language = str(config.get("language", {}).get("code") or config["espeak"]["voice"])
            code, _, region = re.sub("[-_]", "-", language).partition("-")
            return VoiceInfo(
                sample_rate=int(config["audio"]["sample_rate"]),
                language=code.lower(),
                speakers=dict(config.get("speaker_id_map") or {}),
                slowest=own_trait(config, "slowest"),
                fastest=own_trait(config, "fastest"),
                script=SCRIPTS.get(code.lower(), "LATIN"),
                region=region.upper(),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise EngineFailure(f"The voice {self.model.stem} has no valid configuration: {error}") from error


def own_trait(config: dict[str, Any], name: str) -> float:
    """The gain and the range of speed that our own voices have under `speechd`; 1 for other voices.

    Other voices' durations are rounded up phoneme by phoneme and so do not follow `length_scale` exactly: those are
    stretched instead.
    """
    return float(config.get("speechd", {}).get(name, 1.0))
