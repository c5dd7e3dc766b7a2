"""Speakers whose voices are known: by a reference that comes with the request, or enrolled before."""

import asyncio
import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from speechd.asr.speakers.channels import kept_voice
from speechd.errors import InvalidRequest, TooLarge
from speechd.net.fetch import FetchLimits, fetch_audio
from speechd.operations.context import RequestContext
from speechd.schemas.speakers.fields import speaker_names
from speechd.service import Service
from speechd.store.store import Store
from speechd.types import KnownVoice

MAX_REFERENCE_SECONDS = 10.5
"""Of a reference: OpenAI documents 10, and codecs add some silence."""
MAX_REFERENCE_FILE = 8_000_000
"""Bytes of one reference: more than 10 s of uncompressed stereo in studio quality."""
MAX_ENROLMENT_SECONDS = 600.0
"""Of a recording to enrol a voice: more says nothing new of it."""
NAMES, REFERENCES = "known_speaker_names", "known_speaker_references"
VOICES = "known_voices"
"""The field of a stored request that has the voices of both."""


@dataclass(frozen=True, slots=True)
class KnownSpeakers:
    """Names, the first of which have references; the others are enrolled."""

    names: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    """`data:` URLs."""

    @property
    def enrolled(self) -> tuple[str, ...]:
        """Those without a reference."""
        return self.names[len(self.references) :]


async def find_known(service: Service, known: KnownSpeakers, context: RequestContext) -> tuple[KnownVoice, ...]:
    """The voices of known speakers, in the order of their names.

    Raises:
        InvalidRequest: a reference is malformed, too short or too long, or has no single voice; or nobody is enrolled
            under a name.
        SpeechdError: there is no model that tells speakers apart.
    """
    if not known.names:
        return ()
    enrolled = await _enrolled(service, known.enrolled, context)
    references = zip(known.names, known.references, strict=False)
    return (*[await _referenced(service, *named) for named in references], *enrolled)


def stored_fields(fields: Mapping[str, Any], voices: Sequence[KnownVoice]) -> dict[str, Any]:
    """The fields of a request that is answered later: with its known voices, and without its references, which are
    recordings."""
    kept = {name: value for name, value in fields.items() if name not in (REFERENCES, VOICES)}
    if not voices:
        return kept
    kept.pop(NAMES)
    written = [[voice.name, base64.b64encode(voice.embedding).decode()] for voice in voices]
    return kept | {"speakers": True, VOICES: written}


def stored_voices(fields: Mapping[str, Any]) -> tuple[KnownVoice, ...]:
    """The known voices in what `stored_fields` gave."""
    return tuple(KnownVoice(name, base64.b64decode(written)) for name, written in fields.get(VOICES, ()))


async def _enrolled(service: Service, names: Sequence[str], context: RequestContext) -> tuple[KnownVoice, ...]:
    if not names:
        return ()
    model = service.models.speaker_model().id
    found = await context.find_speakers(context.caller, names) if context.find_speakers else ()
    voices = {each.voice.name: each.voice for each in found if each.model == model}
    if missing := [name for name in names if name not in voices]:
        raise InvalidRequest(
            f"`{missing[0]}` has no reference, and nobody is enrolled under this name for {model}."
            f" Send `{REFERENCES}`, or enrol the voice with: speechd speakers enrol",
            param=NAMES,
        )
    return tuple(voices[name] for name in names)


async def _referenced(service: Service, name: str, reference: str) -> KnownVoice:
    """The voice of a reference. That of an equal reference is remembered for a while."""
    key = await asyncio.to_thread(lambda: hashlib.sha256(reference.encode()).digest())
    embedding = service.reference_voices.recall(key)
    if embedding is None:
        embedding = await _listen(service, name, reference)
        service.reference_voices.remember(key, embedding)
    return KnownVoice(name, embedding)


async def _listen(service: Service, name: str, reference: str) -> bytes:
    """
    Raises:
        InvalidRequest: it is no recording of one voice of 2 to 10 s; `param` names the references.
    """
    try:
        with await fetch_audio(reference, FetchLimits(MAX_REFERENCE_FILE)) as audio:
            async with service.diarizer() as diarizer:
                speaker = await diarizer.reference(name, audio, MAX_REFERENCE_SECONDS)
    except TooLarge as error:
        raise InvalidRequest(
            f"The reference of `{name}` is longer than 10 s, or larger than {MAX_REFERENCE_FILE} bytes.",
            param=REFERENCES,
        ) from error
    except InvalidRequest as error:
        code = error.error_code
        raise InvalidRequest(f"The reference of `{name}`: {error.message}", param=REFERENCES, code=code) from error
    return kept_voice(speaker).embedding


async def enrol(service: Service, store: Store, owner: str, name: str, recording: Path) -> None:
    """Keeps the voice of a recording under a name, for later requests of a key.

    Args:
        owner: id of the key; "" without keys.

    Raises:
        InvalidRequest: the name cannot be shown, or the recording cannot be read or has no single voice.
        TooLarge: it is longer than MAX_ENROLMENT_SECONDS.
        ModelNotInstalled: there is no model that tells speakers apart.
    """
    (shown,) = speaker_names((name,), "name")
    model = service.models.speaker_model()
    with await asyncio.to_thread(_opened, recording) as audio:
        async with service.diarizer(model) as diarizer:
            speaker = await diarizer.reference(shown, audio, MAX_ENROLMENT_SECONDS)
    await store.speakers.enrol(owner, kept_voice(speaker), model.id)


def _opened(recording: Path) -> BinaryIO:
    try:
        return recording.open("rb")
    except OSError as error:
        raise InvalidRequest(f"{recording} cannot be read: {error.strerror}.") from None
