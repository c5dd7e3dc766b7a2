"""Every text resource of the real SDKs, Python and npm, sync and async, against a live speechd and its companion."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import groq
import openai
import pytest

from tests.contract.test_reference import llm  # noqa: F401 - a fixture
from tests.integration.conftest import serving
from tests.support.llm_backends import backends_file
from tests.support.llm_server import CHAT, EMBED, RERANK

HERE = Path(__file__).parent
ASKED: dict[str, Any] = {"model": CHAT, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 8}
RESPONSE: dict[str, Any] = {"model": CHAT, "input": "hi", "max_output_tokens": 8}
RANKING = {"model": RERANK, "query": "hello", "docs": ["a", "hello"]}
SDKS = ("groq", "openai")


@pytest.fixture(scope="module")
def live(llm: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: F811 - the fixture
    """The address of a speechd process over the companion."""
    folder = tmp_path_factory.mktemp("live")
    with serving(folder / "data", SPEECHD_LLM_BACKENDS_FILE=str(backends_file(folder, llm[1]))) as url:
        yield url


def client_of(sdk: str, url: str, asynchronous: bool) -> Any:
    if sdk == "groq":
        return (groq.AsyncGroq if asynchronous else groq.Groq)(api_key="unused", base_url=url, max_retries=0)
    kind = openai.AsyncOpenAI if asynchronous else openai.OpenAI
    return kind(api_key="unused", base_url=f"{url}/v1", max_retries=0)


def reranking_path(sdk: str) -> str:
    return "/openai/v1/reranking" if sdk == "groq" else "/reranking"


@pytest.mark.parametrize("sdk", SDKS)
def test_the_blocking_client(live: str, sdk: str) -> None:
    with client_of(sdk, live, asynchronous=False) as client:
        answer = client.chat.completions.create(**ASKED)
        assert answer.choices[0].message.content
        assert answer.usage.total_tokens > answer.usage.prompt_tokens > 0
        chunks = list(client.chat.completions.create(**ASKED, stream=True))
        assert any(chunk.choices[0].delta.content for chunk in chunks if chunk.choices)
        assert len(client.embeddings.create(model=EMBED, input="hi").data[0].embedding) >= 8
        ranked = client.post(reranking_path(sdk), cast_to=object, body=RANKING)
        assert {row["doc"] for row in ranked["results"]} == {"a", "hello"}
        assert {CHAT, EMBED, RERANK, "whisper-pocket"} <= {model.id for model in client.models.list().data}
        assert client.models.retrieve(RERANK).id == RERANK
        with pytest.raises((groq.NotFoundError, openai.NotFoundError)):
            client.chat.completions.create(**ASKED | {"model": "no-such"})


@pytest.mark.parametrize("sdk", SDKS)
async def test_the_async_client(live: str, sdk: str) -> None:
    async with client_of(sdk, live, asynchronous=True) as client:
        answers = await asyncio.gather(*(client.chat.completions.create(**ASKED) for _ in range(4)))
        assert all(answer.choices[0].message.content for answer in answers)
        chunks = [chunk async for chunk in await client.chat.completions.create(**ASKED, stream=True)]
        assert any(chunk.choices[0].delta.content for chunk in chunks if chunk.choices)
        made = await client.embeddings.create(model=EMBED, input=["hi", "ho"], encoding_format="float")
        assert [row.index for row in made.data] == [0, 1]
        ranked = await client.post(reranking_path(sdk), cast_to=object, body=RANKING)
        assert 0 <= ranked["results"][1]["score"] <= ranked["results"][0]["score"] <= 1


async def test_what_openai_alone_has(live: str) -> None:
    with client_of("openai", live, asynchronous=False) as blocking:
        assert blocking.completions.create(model=CHAT, prompt="Once", max_tokens=8).choices[0].text
        response = blocking.responses.create(**RESPONSE)
        assert response.output_text
        assert response.usage.total_tokens > 0 if response.usage else True
        events = list(blocking.responses.create(**RESPONSE, stream=True))
        assert "".join(event.delta for event in events if event.type == "response.output_text.delta")
    async with client_of("openai", live, asynchronous=True) as client:
        pieces = [c.choices[0].text async for c in await client.completions.create(**{**COMPLETION, "stream": True})]
        assert "".join(pieces)
        assert (await client.responses.create(**RESPONSE)).output_text


COMPLETION: dict[str, Any] = {"model": CHAT, "prompt": "Once", "max_tokens": 8}


@pytest.mark.extra
@pytest.mark.skipif(shutil.which("npm") is None, reason="node and npm are not installed")
def test_npm(live: str, tmp_path: Path) -> None:
    for name in ("package.json", "text_sdk.mjs"):
        shutil.copy(HERE / name, tmp_path)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=tmp_path, check=True, capture_output=True)
    command = ["node", "text_sdk.mjs", live, CHAT, EMBED, RERANK]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)
    for sdk in SDKS:
        said = output[sdk]
        assert said["chat"]["choices"][0]["message"]["content"]
        assert ("x_groq" in said["chat"]) == (sdk == "groq")
        assert [chunk for chunk in said["chunks"] if chunk["choices"]]
        assert said["embedding"] >= 8
        assert [0 <= row["score"] <= 1 for row in said["ranked"]] == [True, True]
        assert {CHAT, "whisper-pocket"} <= set(said["models"])
        assert said["model"] == RERANK
        assert said["unknown"] == {"status": 404, "code": "model_not_found"}
        assert said["empty"]["status"] == 400
    assert output["completion"]
    assert output["response"]["output_text"]
    assert output["events"][-1] in ("response.completed", "response.incomplete")
