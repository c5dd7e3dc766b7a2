"""Who spoke, on recordings of people: a call in one channel against the same call in two."""

import base64
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

import pytest
from openai import OpenAI

from tests.integration.conftest import serving
from tests.real.corpora import Recording, call_of_two_people, mixed_to_one, worded
from tests.real.weights import BASE, model_folder, speakers_folder
from tests.support.wer import spoken_words

pytestmark = pytest.mark.real

MODEL = "gpt-4o-transcribe-diarize"
Spoken = list[tuple[str, str]]
"""Each word and who says it."""


@pytest.fixture(scope="module")
def openai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    data = tmp_path_factory.mktemp("data")
    (data / "models").mkdir()
    (data / "models" / "whisper-base").symlink_to(model_folder(BASE))
    (data / "models" / "campplus").symlink_to(speakers_folder())
    with serving(data) as url:
        yield OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)


@pytest.fixture(scope="module")
def call() -> Recording:
    (recording,) = call_of_two_people().recordings
    return recording


def diarized(openai: OpenAI, audio: bytes, **fields: Any) -> Spoken:
    more = {"language": "multi"} | fields.pop("extra_body", {})
    answer = openai.audio.transcriptions.create(
        model=MODEL, file=("call.wav", audio), response_format="diarized_json", extra_body=more, **fields
    )
    return [(word, segment.speaker) for segment in answer.segments for word in spoken_words(segment.text)]


def agreement(truth: Spoken, found: Spoken, names: dict[str, str]) -> tuple[int, int]:
    """How many words of the truth have their speaker, and how many words there are. A word that was heard differently
    counts where one other word stands for it.

    Args:
        names: the channel of each speaker.
    """
    matcher = SequenceMatcher(a=[word for word, _ in truth], b=[word for word, _ in found], autojunk=False)
    right = 0
    for kind, first, last, begin, end in matcher.get_opcodes():
        if kind == "equal" or (kind == "replace" and last - first == end - begin):
            pairs = zip(truth[first:last], found[begin:end], strict=True)
            right += sum(names.get(speaker) == channel for (_, channel), (_, speaker) in pairs)
    return right, len(truth)


@pytest.fixture(scope="module")
def truth(openai: OpenAI, call: Recording) -> Spoken:
    return diarized(openai, call.data, extra_body={"channels": "split"})


def test_a_call_in_one_channel_has_the_speakers_of_two(openai: OpenAI, call: Recording, truth: Spoken) -> None:
    found = diarized(openai, mixed_to_one(call))
    assert {speaker for _, speaker in found} == {"A", "B"}
    right, total = agreement(truth, found, {"A": "channel_1", "B": "channel_2"})
    print(f"{right} of {total} words have the speaker of their channel")
    assert total > 100
    assert right >= 0.98 * total


def references(language: str, call: Recording) -> Sequence[str]:
    """Utterances of the same person that are not in the call, of 2 to 10 s, as `data:` URLs."""
    said = {piece.text for piece in call.pieces}
    prompts = [prompt for prompt in worded(language, 8) if prompt.text not in said][-6:]
    return ["data:audio/wav;base64," + base64.b64encode(prompt.path.read_bytes()).decode() for prompt in prompts]


def test_known_speakers_are_named_and_nobody_else(openai: OpenAI, call: Recording, truth: Spoken) -> None:
    known = [references(language, call)[0] for language in ("ru", "it", "fr")]
    found = diarized(
        openai,
        mixed_to_one(call),
        known_speaker_names=["Maxim", "Carlo", "June"],
        known_speaker_references=known,
    )
    right, total = agreement(truth, found, {"A": "channel_1", "Carlo": "channel_2"})
    assert right >= 0.98 * total
