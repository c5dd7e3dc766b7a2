import json
from typing import Any

import pytest

from speechd.api.openapi.audio import audio_operation, speech_operation
from speechd.schemas.audio_jobs import AudioJobObject, WebhookForm
from speechd.schemas.transcription import AudioForm, TranscriptionForm, TranslationForm


@pytest.mark.parametrize("form", [TranscriptionForm, TranslationForm])
def test_bodies_are_documented_from_the_schema(form: type[AudioForm]) -> None:
    bodies = audio_operation(form)["openapi_extra"]["requestBody"]["content"]
    assert "$ref" not in json.dumps(bodies)
    multipart = bodies["multipart/form-data"]["schema"]
    assert set(multipart["properties"]) == {"file", *form.model_fields, *WebhookForm.model_fields}
    assert all("description" in field for field in multipart["properties"].values())
    assert bodies["application/json"]["schema"]["anyOf"] == [{"required": ["url"]}, {"required": ["file_id"]}]


@pytest.mark.parametrize("operation", [audio_operation(TranscriptionForm), speech_operation()])
def test_what_can_be_answered_later_says_so(operation: dict[str, Any]) -> None:
    (prefer,) = operation["openapi_extra"]["parameters"]
    assert (prefer["name"], prefer["in"], prefer.get("required", False)) == ("Prefer", "header", False)
    assert operation["responses"][202]["model"] is AudioJobObject
