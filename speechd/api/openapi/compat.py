"""OpenAPI descriptions of the calls of other servers."""

from typing import Any

from pydantic import BaseModel

from speechd.api.openapi.audio import AUDIO_FAILURES, FILE, failure, inlined


def query_operation(query: type[BaseModel], file_field: str) -> dict[str, Any]:
    """Arguments of a route whose parameters are in its query, with a file in its body."""
    schema = inlined(query.model_json_schema())
    parameters = [
        {"name": name, "in": "query", "schema": part, "description": part.pop("description", "")}
        for name, part in schema["properties"].items()
    ]
    return _operation(query, {"parameters": parameters, "requestBody": _body({file_field: FILE}, file_field)})


def form_operation(form: type[BaseModel], file_field: str) -> dict[str, Any]:
    """The same for a route whose parameters are in its body."""
    properties = {file_field: FILE, **inlined(form.model_json_schema())["properties"]}
    return _operation(form, {"requestBody": _body(properties, file_field)})


def _body(properties: dict[str, Any], required: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": [required]}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _operation(model: type[BaseModel], extra: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": (model.__doc__ or "").partition("\n")[0],
        "response_model": None,
        "responses": {status: failure(text) for status, text in AUDIO_FAILURES.items()},
        "openapi_extra": extra,
    }
