"""POST /inference, as whisper.cpp's server answers it."""

from fastapi import APIRouter, Request, Response

from speechd.api.dependencies import context_of, get_service
from speechd.api.openapi.compat import form_operation
from speechd.api.request_body import open_form
from speechd.api.routes.compat.answer import answer_as, file_of
from speechd.dialects import OPENAI
from speechd.formats.compat import inference_format
from speechd.operations.transcription import TranscriptionCall
from speechd.schemas.compat import InferenceForm
from speechd.schemas.transcription import TranscriptionForm

router = APIRouter(tags=["Other servers"])


@router.post("/inference", **form_operation(InferenceForm, "file"))
async def infer(request: Request) -> Response:
    """
    Raises:
        SpeechdError: whatever is wrong with it.
        ClientDisconnect: the caller left.
    """
    async with open_form(request, get_service(request).settings.max_upload_bytes) as body:
        form = InferenceForm.parse(body.fields)
        call = TranscriptionCall.parse(TranscriptionForm, form.to_fields(), context_of(request, OPENAI))
        file_of(body, "file")
        format = inference_format(form.response_format, timed=not form.no_timestamps, detected=form.detects)
        return await answer_as(request, call, body, format)
