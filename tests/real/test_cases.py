"""Recordings that users of speech services reported as failing, on Whisper base: the calls of ../shared/cases."""

from collections.abc import Iterator

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
