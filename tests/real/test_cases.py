"""Recordings that users of speech services reported as failing, on Whisper base: the calls of ../shared/cases."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.integration.conftest import serving
from tests.integration.test_cases import CONTAINERS, ask, assert_right, case
from tests.real.weights import BASE, model_folder

pytestmark = pytest.mark.real

RECORDINGS = (*CONTAINERS, "quiet-40db", "quiet-60db", "lost-tail", "language-auto", "prompt-loop")


@pytest.fixture(scope="module")
def whisper_base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the model, by its name in the catalog."""
    data = tmp_path_factory.mktemp("data")
    (data / "models").mkdir()
    (data / "models" / "whisper-base").symlink_to(model_folder(BASE))
    with serving(data) as url:
        yield url


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_case_about_recordings(whisper_base: str, name: str) -> None:
    asked = case(name)
    right = {check: wanted for check, wanted in asked["right"].items() if check != "max_slowdown"}
    assert_right(ask(whisper_base, asked["call"], "whisper-base"), right)


def test_a_model_by_the_repository_that_the_server_names(whisper_base: str) -> None:
    asked = case("model-by-repository")
    source = httpx2.get(f"{whisper_base}/v1/models/whisper-base").json()["speechd"]["source"]
    fields = [[name, value.replace("{stt_source}", source)] for name, value in asked["call"]["fields"]]
    reply = ask(whisper_base, asked["call"] | {"fields": fields}, "whisper-base")
    assert_right(reply, asked["right"])
    assert reply.headers["x-speechd-model"] == "whisper-base"


@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-transcribe", "whisper-large-v3", "openai/whisper-base"])
def test_names_that_clients_insist_on(whisper_base: str, model: str) -> None:
    asked = case("model-by-repository")
    reply = ask(whisper_base, asked["call"] | {"fields": [["model", model]]}, model)
    assert_right(reply, asked["right"])
    assert reply.headers["x-speechd-model"] == "whisper-base"
