import pytest

from speechd.errors import (
    BackendFailure,
    BackendTimeout,
    EngineFailure,
    FailedDependency,
    InvalidRequest,
    ModelLoading,
    ModelNotInstalled,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    SpeechdError,
    StorageFull,
    UrlNotAllowed,
)
from speechd.worker.task_runner import MAX_TRIES, pause_after


@pytest.mark.parametrize(
    "error",
    [InvalidRequest(), UrlNotAllowed(), EngineFailure(), ModelNotInstalled(), BackendFailure("", code="x")],
    ids=lambda error: type(error).__name__,
)
def test_what_fails_for_good_or_has_been_tried_enough(error: SpeechdError) -> None:
    assert pause_after(error, tries=MAX_TRIES - 1) is None


@pytest.mark.parametrize(
    "error", [FailedDependency(), BackendFailure(), BackendTimeout()], ids=lambda error: error.code
)
def test_other_servers_get_a_few_tries_with_growing_pauses(error: SpeechdError) -> None:
    pauses = [pause_after(error, tries) for tries in range(MAX_TRIES)]
    assert pauses[-1] is None
    assert 0 < (pauses[0] or 0) < (pauses[1] or 0)


@pytest.mark.parametrize("kind", [Overloaded, ModelLoading, RateLimited])
def test_a_busy_server_is_waited_for_as_long_as_it_takes(kind: type[SpeechdError]) -> None:
    assert pause_after(kind(retry_after=300), tries=50) == 300
    assert 0 < (pause_after(kind(), tries=50) or 0) <= 60


@pytest.mark.parametrize("kind", [StorageFull, QuotaExceeded])
def test_no_room_is_waited_for(kind: type[SpeechdError]) -> None:
    assert pause_after(kind(), tries=50)
