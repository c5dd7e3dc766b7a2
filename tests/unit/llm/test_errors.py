import pytest

from speechd.errors import BackendFailure, BackendRefusal, ModelNotFound, NotSupportedByBackend
from speechd.llm.backends import Backend
from speechd.llm.errors import normalised, refusal, scrubbed

BACKEND = Backend("b", "http://127.0.0.1:1/v1")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("failed to load '/home/x/models/a.gguf'", "failed to load '<path>'"),
        (r"cannot open C:\models\a.gguf now", "cannot open <path> now"),
        ("File /srv/llm/server.py, line 3", "File <path>, line 3"),
        ("see file:///etc/models/x", "see <path>"),
        ("POST /v1/chat/completions is unknown", "POST /v1/chat/completions is unknown"),
        ("see https://example.org/docs/errors", "see https://example.org/docs/errors"),
        ("tokens/second and and/or 1/2", "tokens/second and and/or 1/2"),
        ("the model `org/name-7b` is busy", "the model `org/name-7b` is busy"),
    ],
)
def test_paths_are_taken_out_and_nothing_else(text: str, result: str) -> None:
    assert scrubbed(text) == result


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (301, b"", BackendFailure),
        (401, b"", BackendFailure),
        (403, b"{}", BackendFailure),
        (404, b'{"error":{"message":"The model `x` does not exist"}}', ModelNotFound),
        (404, b'{"detail":"Not Found"}', NotSupportedByBackend),
        (404, b"404 page not found", NotSupportedByBackend),
        (405, b"", NotSupportedByBackend),
        (501, b'{"error":{"message":"start it with --reranking"}}', NotSupportedByBackend),
        (400, b"", BackendRefusal),
        (599, b"\xff\xfe", BackendRefusal),
    ],
)
def test_what_a_status_means(status: int, body: bytes, kind: type[Exception]) -> None:
    assert type(refusal(BACKEND, status, body, {})) is kind


@pytest.mark.parametrize("body", [None, 5, [], [1], {"error": None}, {"error": []}, {"message": 5}, {"error": {}}])
def test_an_envelope_from_anything(body: object) -> None:
    error = normalised(body, 500)
    assert error["message"]
    assert {"message", "type", "param", "code"} <= set(error)
