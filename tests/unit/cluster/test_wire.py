"""What crosses to a replica and back."""

import pickle

import pytest

from speechd import errors
from speechd.cluster.serving.wire import CallContext, Failed, TranscribeCall
from speechd.errors import InternalError, Overloaded, SpeechdError
from speechd.types import TranscribeOptions


def descendants(kind: type[SpeechdError]) -> set[type[SpeechdError]]:
    return {kind}.union(*map(descendants, kind.__subclasses__()))


RAISED_ANYWHERE = [kind for kind in descendants(SpeechdError) if kind.__module__ == "speechd.errors"]
"""Commands have errors of their own, which no replica raises."""


@pytest.mark.parametrize("kind", sorted(RAISED_ANYWHERE, key=lambda kind: kind.__name__))
def test_every_error_arrives_as_it_was_raised(kind: type[SpeechdError]) -> None:
    raised = kind("A sentence.", param="file", code="a_code", retry_after=7)
    arrived = pickle.loads(pickle.dumps(Failed.of(raised))).error
    assert (type(arrived), arrived.envelope(), arrived.retry_after) == (kind, raised.envelope(), 7)


def test_an_error_that_this_version_does_not_know_is_internal() -> None:
    assert type(Failed("Overlorded", "A sentence.").error) is InternalError
    assert not hasattr(errors, "Overlorded")
    assert type(Failed("Mapping", "A sentence.").error) is InternalError


def test_a_failed_load_is_told_apart() -> None:
    assert Failed.of(Overloaded(), loading=True).loading
    assert not Failed.of(Overloaded()).loading


def test_a_call_knows_about_how_long_its_recording_is() -> None:
    call = TranscribeCall(bytes(160_000), TranscribeOptions(), CallContext())
    assert pickle.loads(pickle.dumps(call)) == call
    assert call.seconds == 10
