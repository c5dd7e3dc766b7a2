import json

import pytest

from speechd.api.openapi import audio_operation
from speechd.schemas import AudioForm, TranscriptionForm, TranslationForm


@pytest.mark.parametrize("form", [TranscriptionForm, TranslationForm])
def test_bodies_are_documented_from_the_schema(form: type[AudioForm]) -> None:
    bodies = audio_operation(form)["openapi_extra"]["requestBody"]["content"]
    assert "$ref" not in json.dumps(bodies)
    multipart = bodies["multipart/form-data"]["schema"]
    assert set(multipart["properties"]) == {"file", *form.model_fields}
    assert all("description" in field for field in multipart["properties"].values())
    assert bodies["application/json"]["schema"]["required"] == ["model", "url"]
