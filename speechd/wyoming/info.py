"""What is told of this server: the installed models and voices, from their files alone. No model is loaded."""

from collections.abc import Iterator

from wyoming.info import AsrModel, AsrProgram, Attribution, Info, TtsProgram, TtsVoice, TtsVoiceSpeaker

from speechd import __version__
from speechd.languages import LANGUAGES
from speechd.registry.catalog import Model
from speechd.registry.model_names import AUTO
from speechd.registry.voices import Voice
from speechd.service import Service

PROGRAM = "speechd"
HUB = "https://huggingface.co"


def describe(service: Service) -> Info:
    """The answer to `describe`; it reads folders, so it is for a thread.

    Home Assistant looks at the first program of a kind only, and does not offer one without languages.
    """
    models, voices = list(_models(service)), list(_voices(service))
    asr = AsrProgram(
        name=PROGRAM,
        attribution=Attribution(PROGRAM, ""),
        installed=True,
        description="Speech to text",
        version=__version__,
        models=models,
        supports_transcript_streaming=True,
    )
    tts = TtsProgram(
        name=PROGRAM,
        attribution=Attribution(PROGRAM, ""),
        installed=True,
        description="Text to speech",
        version=__version__,
        voices=voices,
        supports_synthesize_streaming=True,
    )
    return Info(asr=[asr] if models else [], tts=[tts] if voices else [])


def _models(service: Service) -> Iterator[AsrModel]:
    """The installed recognisers; the one that answers where a request names none is the first."""
    default = service.models.answering(AUTO)
    models = (model for model in service.models.list(hosted=False) if model.kind == "asr" and model.installed)
    for model in sorted(models, key=lambda each: default is None or each.id != default.id):
        yield AsrModel(
            name=model.id,
            attribution=_attribution(model),
            installed=True,
            description=model.id,
            version=None,
            languages=list(model.languages or LANGUAGES),
        )


def _voices(service: Service) -> Iterator[TtsVoice]:
    """The installed voices; the one that speaks where a request names none is the first."""
    voices = service.voices.list()
    default = service.voices.choose(AUTO, AUTO).id if voices else ""
    for voice in sorted(voices, key=lambda each: each.id != default):
        yield TtsVoice(
            name=voice.id,
            attribution=_attribution(voice.model),
            installed=True,
            description=voice.title,
            version=None,
            languages=[_language(voice)],
            speakers=[TtsVoiceSpeaker(name) for name in voice.info.speakers] or None,
        )


def _language(voice: Voice) -> str:
    """`en_US`, as Piper names it; `en` where the voice names no country."""
    return "_".join(filter(None, (voice.info.language, voice.info.region)))


def _attribution(model: Model) -> Attribution:
    return Attribution(model.owned_by, f"{HUB}/{model.hub}" if model.hub else "")
