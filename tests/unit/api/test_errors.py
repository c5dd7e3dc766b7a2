import inspect

import pytest

from speechd import errors
from speechd.api.errors import error_response, internal_error
from speechd.errors import SpeechdError

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, SpeechdError)]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_becomes_its_reply(kind: type[SpeechdError]) -> None:
    reply = error_response(kind(param="p", retry_after=1.5))
    assert reply.status_code == kind.status
    assert reply.headers["retry-after-ms"] == "1500"
    assert reply.media_type == "application/json"
    assert ("www-authenticate" in reply.headers) == (kind.status == 401)
    assert ("x-should-retry" in reply.headers) == (kind.should_retry is not None)


def test_an_internal_error_tells_only_the_id(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise KeyError("a secret")
    except KeyError:
        error = internal_error("req_1")
    assert "req_1" in error.message
    assert "a secret" not in error.message
    assert "a secret" in caplog.text
