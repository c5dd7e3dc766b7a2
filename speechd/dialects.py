"""All differences between the two dialects, in one table: `/openai/v1` answers like Groq, `/v1` like OpenAI.

The union of the parameters is accepted under both. A dialect shapes the answer, and decides where the hosted services
differ in what they refuse or ignore.
"""

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Dialect:
    """The answer style of one of the hosted services."""

    name: str
    prefix: str
    """Path prefix of this dialect."""
    capitalised_language: bool
    """`language` is `English` rather than `english` in a verbose transcription; translations always say `english`."""
    request_id_in_body: bool
    """JSON answers carry `x_groq: {id}`."""
    usage_in_body: bool
    """JSON answers carry `usage: {type: duration, seconds}`."""
    speech_sample_rate: int
    """Hz of speech whose request names no rate."""
    processing_ms_header: bool
    """Replies carry `openai-processing-ms`."""
    null_members: bool
    """Files and batches have members without a value as null; else these are left out."""
    languages_in_body: bool
    """`json` transcriptions and the last event of a stream list the `languages` spoken."""
    words_need_verbose_json: bool
    """`word` in `timestamp_granularities` is refused in other formats; else it is ignored there."""
    models_without_stream: frozenset[str]
    """Names of models for which `stream` is ignored."""
    file_purposes: frozenset[str]
    """The purposes for which files can be uploaded."""
    rate_headers: tuple[Literal["requests", "audio-seconds"], ...]
    """The limits that `x-ratelimit-{limit,remaining,reset}-*` report."""


GROQ = Dialect(
    name="groq",
    prefix="/openai/v1",
    capitalised_language=True,
    request_id_in_body=True,
    usage_in_body=False,
    speech_sample_rate=48_000,
    processing_ms_header=False,
    null_members=False,
    languages_in_body=False,
    words_need_verbose_json=False,
    models_without_stream=frozenset(),
    file_purposes=frozenset({"batch"}),
    rate_headers=("requests", "audio-seconds"),
)
OPENAI = Dialect(
    name="openai",
    prefix="/v1",
    capitalised_language=False,
    request_id_in_body=False,
    usage_in_body=True,
    speech_sample_rate=24_000,
    processing_ms_header=True,
    null_members=True,
    languages_in_body=True,
    words_need_verbose_json=True,
    models_without_stream=frozenset({"whisper-1"}),
    file_purposes=frozenset({"assistants", "batch", "evals", "fine-tune", "user_data", "vision"}),
    rate_headers=("requests",),
)
DIALECTS = (GROQ, OPENAI)

COMPAT_PATHS = {"/asr": "asr", "/detect-language": "asr", "/inference": "inference"}
"""Paths of other servers' calls, each with the name by which SPEECHD_COMPAT opens it."""

BY_NAME = {dialect.name: dialect for dialect in DIALECTS}

_REPEATED_PREFIX = re.compile(r"^(?:/openai/v1|/v1)+(?=(?:/openai/v1|/v1)(?:/|$))")


def dialect_of(path: str) -> Dialect | None:
    """The dialect of a path, also of another server's call; None for all other paths."""
    if path in COMPAT_PATHS:
        return OPENAI
    for dialect in DIALECTS:
        if path == dialect.prefix or path.startswith(dialect.prefix + "/"):
            return dialect
    return None


def common_url(url: str) -> str:
    """`/openai/v1/embeddings` -> `/v1/embeddings`: the common path of an operation."""
    return OPENAI.prefix + url.removeprefix(GROQ.prefix) if url.startswith(GROQ.prefix + "/") else url


def without_repeated_prefix(path: str) -> str:
    """`/openai/v1/openai/v1/models` -> `/openai/v1/models`: the caller's base URL had a prefix too. The last one is
    used."""
    return _REPEATED_PREFIX.sub("", path)
