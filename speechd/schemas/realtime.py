"""The session of the realtime API in its GA shape, how the beta shape maps onto it, and how an update changes it.

Unknown fields are ignored. Fields without an effect here are kept and shown, because clients read them back.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from speechd.bounded_json import refuse_surrogates
from speechd.errors import InvalidRequest, Unsupported
from speechd.schemas.base import Form, Strings
from speechd.schemas.transcription import TranscriptionForm
from speechd.types import MAX_SPEAKERS, TranscribeOptions

DIARIZING_MODEL = "gpt-4o-transcribe-diarize"
"""The hosted name of a recogniser that tells who speaks."""
MAX_SESSION_TEXT = 8192
"""Characters of a prompt."""
INCLUDED_LOGPROBS = "item.input_audio_transcription.logprobs"
INCLUDED_WORDS = "item.input_audio_transcription.words"
"""An addition of this server: `completed` lists words with their times."""
EAGERNESS_SILENCE_MS = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
"""Milliseconds of silence that end a turn: the longest that the hosted service waits with `semantic_vad`."""
BETA_FORMATS: Mapping[str, Mapping[str, Any]] = {
    "pcm16": {"type": "audio/pcm", "rate": 24_000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
BETA_FIELDS = {
    "input_audio_transcription": "transcription",
    "turn_detection": "turn_detection",
    "input_audio_noise_reduction": "noise_reduction",
}
"""Names of the beta's flat fields, and below `audio.input` of the GA session."""
NULLABLE = frozenset(
    {"transcription", "turn_detection", "noise_reduction", "include", "language", "languages", "prompt", "keywords"}
    | {"speakers", "max_speakers"}
)
"""Fields that null turns off. Null leaves all others as they are."""

Milliseconds = Annotated[int, Field(ge=0, le=60_000)]


class SessionPart(BaseModel):
    """A part of the session."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class PcmFormat(SessionPart):
    """16-bit little-endian samples, mono."""

    type: Literal["audio/pcm"] = Field(description="Always `audio/pcm`.")
    rate: int = Field(24_000, ge=8000, le=48_000, description="Samples a second, 8000 to 48000.")


class MuLawFormat(SessionPart):
    """G.711 mu-law at 8 kHz."""

    type: Literal["audio/pcmu"] = Field(description="Always `audio/pcmu`.")


class ALawFormat(SessionPart):
    """G.711 A-law at 8 kHz."""

    type: Literal["audio/pcma"] = Field(description="Always `audio/pcma`.")


class InputTranscription(SessionPart):
    """How speech becomes text."""

    model: str = Field("auto", min_length=1, max_length=1000, description="Id of the recogniser.")
    language: str | None = Field(None, max_length=100, description="Language spoken; detected when absent.")
    languages: Strings | None = Field(None, max_length=100, description="Detection chooses among these.")
    prompt: str | None = Field(None, max_length=MAX_SESSION_TEXT, description="Text that precedes each turn.")
    keywords: Strings | None = Field(None, max_length=1000, description="Words and names to expect.")
    delay: str | None = Field(None, max_length=20, description="Kept, without an effect.")
    speakers: bool | None = Field(
        None,
        description="An addition of this server: tell who speaks in each turn, in events `segment` before `completed`."
        f" True by itself where `model` is `{DIARIZING_MODEL}`.",
    )
    max_speakers: int | None = Field(
        None, ge=1, le=MAX_SPEAKERS, description="An addition of this server: the session has at most so many speakers."
    )

    @property
    def tells_speakers(self) -> bool:
        return self.speakers if self.speakers is not None else self.model == DIARIZING_MODEL


class NoiseReduction(SessionPart):
    """Kept, without an effect: recognisers are trained with noise."""

    type: Literal["near_field", "far_field"] = Field(description="Where the microphone is.")


class ServerTurnDetection(SessionPart):
    """A turn ends after a silence."""

    type: Literal["server_vad"] = Field(description="Always `server_vad`.")
    threshold: float = Field(0.5, ge=0, le=1, description="Probability from which sound counts as speech.")
    prefix_padding_ms: Milliseconds = Field(300, description="Audio before speech that belongs to the turn.")
    silence_duration_ms: Milliseconds = Field(500, description="Silence that ends the turn.")
    idle_timeout_ms: int | None = Field(None, ge=0, description="Kept, without an effect.")
    create_response: bool = Field(False, description="Kept, without an effect.")
    interrupt_response: bool = Field(False, description="Kept, without an effect.")


class SemanticTurnDetection(SessionPart):
    """A turn ends after a long silence."""

    type: Literal["semantic_vad"] = Field(description="Always `semantic_vad`.")
    eagerness: Literal["low", "medium", "high", "auto"] = Field(
        "auto", description="How soon: after 8 s of silence, 4 s (`medium` and `auto`) or 2 s."
    )
    create_response: bool = Field(False, description="Kept, without an effect.")
    interrupt_response: bool = Field(False, description="Kept, without an effect.")


def _typed(value: Any) -> Any:
    """Clients may leave the type out."""
    return {"type": "server_vad"} | value if isinstance(value, dict) else value


class AudioInput(SessionPart):
    """What comes in, and what is made of it."""

    format: Annotated[PcmFormat | MuLawFormat | ALawFormat, Field(discriminator="type")] = Field(
        PcmFormat(type="audio/pcm"), description="Encoding of the audio."
    )
    transcription: InputTranscription | None = Field(
        InputTranscription(), description="How speech becomes text; null turns it off."
    )
    noise_reduction: NoiseReduction | None = Field(None, description="Kept, without an effect.")
    turn_detection: Annotated[
        Annotated[ServerTurnDetection | SemanticTurnDetection, Field(discriminator="type")] | None,
        BeforeValidator(_typed),
    ] = Field(
        ServerTurnDetection(type="server_vad"), description="What ends a turn; null leaves it to the client's commits."
    )


class SessionAudio(SessionPart):
    """Audio of the session."""

    input: AudioInput = Field(AudioInput(), description="What comes in.")


class TranscriptionSession(SessionPart):
    """Settings of a session that transcribes."""

    type: Literal["transcription"] = Field("transcription", description="Always `transcription`.")
    include: Strings | None = Field(
        None,
        max_length=20,
        description=f"`{INCLUDED_LOGPROBS}` adds log-probabilities of tokens to `completed`, `{INCLUDED_WORDS}` words"
        " with their times.",
    )
    audio: SessionAudio = Field(SessionAudio(), description="Audio of the session.")

    @property
    def input(self) -> AudioInput:
        return self.audio.input

    def updated(self, update: Mapping[str, Any]) -> Self:
        """The session after an update in either shape: what is absent stays, null turns off.

        Raises:
            InvalidRequest: a field has a bad value; nothing has changed.
            Unsupported: it is to be a conversation.
        """
        refuse_surrogates(update)
        if update.get("type") == "realtime":
            raise Unsupported(
                "This server transcribes: `session.type` can only be `transcription`. It has no conversations.",
                param="session.type",
            )
        wanted = _merged(self.model_dump(), _without_beta(update))
        try:
            return type(self).model_validate(wanted)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
            names = [str(name) for name in fault["loc"] if not _is_tag(name)]
            param = ".".join(["session", *names])
            message = f"Invalid value for `{param}`: {fault['msg'][0].lower()}{fault['msg'][1:]}."
            raise InvalidRequest(message, param=param) from None

    def to_form(self) -> TranscriptionForm:
        """The upload of a turn with the same settings.

        Raises:
            InvalidRequest: a field has a bad value.
        """
        settings = self.input.transcription or InputTranscription()
        included = set(self.include or ())
        fields: dict[str, Any] = settings.model_dump(exclude_none=True, exclude={"delay", "max_speakers"})
        fields |= {"speakers": settings.tells_speakers}
        fields |= {"max_speakers": settings.max_speakers} if settings.tells_speakers else {}
        detailed = settings.tells_speakers or INCLUDED_WORDS in included
        fields |= {"response_format": "verbose_json"} if detailed else {}
        fields |= {"timestamp_granularities": ("word",)} if INCLUDED_WORDS in included else {}
        fields |= {"include": ("logprobs",)} if INCLUDED_LOGPROBS in included else {}
        try:
            return TranscriptionForm.parse(fields)
        except InvalidRequest as error:
            param = f"session.audio.input.transcription.{error.param}"
            raise InvalidRequest(error.message, param=param, code=error.error_code) from None

    def to_options(self) -> TranscribeOptions:
        """The options of a turn. Where speakers are told apart, their voices are found again in later turns.

        Raises:
            InvalidRequest: a field has a bad value.
        """
        options = self.to_form().to_options()
        return replace(options, speakers=replace(options.speakers, voices=True)) if options.speakers else options

    def beta(self) -> dict[str, Any]:
        """The same in the beta's flat shape."""
        shown = self.input.model_dump(mode="json")
        names = {format["type"]: name for name, format in BETA_FORMATS.items()}
        flat = {old: shown[new] for old, new in BETA_FIELDS.items()}
        return {"input_audio_format": names[shown["format"]["type"]], "include": self.include, **flat}


class SecretLifetime(SessionPart):
    """How long a client secret is valid."""

    anchor: Literal["created_at"] = Field("created_at", description="Always `created_at`.")
    seconds: int = Field(600, ge=10, le=7200, description="Seconds, 10 to 7200.")


class ClientSecretForm(Form):
    """A short-lived key for a browser or another client that must not have the caller's own key."""

    expires_after: SecretLifetime = Field(SecretLifetime(), description="When it can open no more sessions.")
    session: dict[str, Any] = Field(
        default_factory=dict, description="Settings that its sessions begin with, as in `session.update`."
    )


class ClientSecretObject(BaseModel):
    """A client secret."""

    value: str = Field(description="The key, which begins with `ek_`.")
    expires_at: int = Field(description="Unix seconds after which it opens no session.")
    session: dict[str, Any] = Field(description="The session that it opens.")


def _without_beta(update: Mapping[str, Any]) -> dict[str, Any]:
    """The update with the beta's flat fields where the GA shape has them.

    Raises:
        InvalidRequest: an unknown format.
    """
    given: dict[str, Any] = {name: update[name] for name in ("type", "include", "audio") if name in update}
    moved = {new: update[old] for old, new in BETA_FIELDS.items() if old in update}
    if (name := update.get("input_audio_format")) is not None:
        if not isinstance(name, str) or name not in BETA_FORMATS:
            raise InvalidRequest(
                f"`session.input_audio_format` must be one of {', '.join(BETA_FORMATS)}.",
                param="session.input_audio_format",
            )
        moved["format"] = BETA_FORMATS[name]
    return _merged({"audio": {"input": moved}}, given) if moved else given


def _merged(before: Any, update: Any) -> Any:
    """An object's members one by one; another value, or an object of another type, in the place of the old one."""
    if not isinstance(before, dict) or not isinstance(update, dict):
        return update
    if "type" in update and update["type"] != before.get("type", update["type"]):
        return update
    given = {name: value for name, value in update.items() if value is not None or name in NULLABLE}
    return before | {name: _merged(before.get(name), value) for name, value in given.items()}


def _is_tag(name: int | str) -> bool:
    """Pydantic names the member of a union by its tag."""
    return isinstance(name, int) or "/" in name or name in ("server_vad", "semantic_vad")
