"""A given transcript in a response format: parse -> render, by the same renderers as an answer of a transcription."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from speechd.executors import FORMATTING, run_in
from speechd.operations.context import RequestContext
from speechd.schemas.formatting.form import FormatForm


@dataclass(frozen=True, slots=True)
class FormattedTranscript:
    """The body of an answer."""

    content: bytes
    media_type: str


async def format_transcript(fields: Mapping[str, Any], context: RequestContext) -> FormattedTranscript:
    """
    Args:
        fields: the members of the request's body; see FormatForm.

    Raises:
        InvalidRequest: a value is bad; `param` is its whole path.
    """
    return await run_in(FORMATTING, _formatted, fields, context)


def _formatted(fields: Mapping[str, Any], context: RequestContext) -> FormattedTranscript:
    form = FormatForm.parse(dict(fields))
    view = replace(form.to_view(), dialect=context.dialect, request_id=context.request_id)
    return FormattedTranscript(form.format.encode(form.to_transcript(), view), form.format.media_type)
