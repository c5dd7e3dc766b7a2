"""The documentation page: it asks nothing of the internet, and its examples work."""

import re
from importlib.util import find_spec

import pytest

from speechd.api.openapi.jobs import EXAMPLE_FILE
from tests.contract.conftest import House
from tests.contract.test_error_shape import assert_envelope
from tests.support.stored_batches import seed_file

ELSEWHERE = ("/audio/diarization", "/admin/keys")
"""Examples that test_speakers.py and test_administration.py try: who speaks when, and what closes the server."""

needs_files = pytest.mark.skipif(find_spec("fastapi_offline") is None, reason="fastapi-offline is not installed")


async def test_the_page_names_no_other_host(house: House) -> None:
    page = await house.client.get("/docs")
    assert page.status_code == 200
    assert "/openapi.json" in page.text
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page.text)


@needs_files
async def test_its_files_are_served_here(keyed: House) -> None:
    """Without a key, like the page itself."""
    page = (await keyed.client.get("/docs")).text
    files = re.findall(r"(?:src|href)=\"([^\"]+)\"", page)
    assert len(files) == 3
    for file in files:
        reply = await keyed.client.get(file)
        assert reply.status_code == 200, file
        assert len(reply.content) > 1000
        assert "http://cdn" not in reply.text[:2000]


async def test_no_other_file_is_served(house: House) -> None:
    for name in ("redoc.standalone.js", "..%2f__init__.py", "nothing"):
        assert_envelope(await house.client.get(f"/docs/{name}"), 404)


async def test_every_operation_is_described(house: House) -> None:
    schema = (await house.client.get("/openapi.json")).json()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            if path.startswith(("/v1", "/openai/v1")):
                assert operation["tags"], (method, path)
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]
                assert "example" in content.get("application/json", {}) or set(content) == {"multipart/form-data"}, path


async def test_the_examples_work(text_house: House) -> None:
    """As they stand on the page, against the LLM backend that is there."""
    schema = (await text_house.client.get("/openapi.json")).json()
    await seed_file(text_house.app.state.jobs, EXAMPLE_FILE)
    tried = 0
    for path, operations in schema["paths"].items():
        content = operations.get("post", {}).get("requestBody", {}).get("content", {})
        if "application/json" in content and "{" not in path and not path.endswith(ELSEWHERE):
            example = content["application/json"]["example"]
            reply = await text_house.client.post(path, json=example)
            assert reply.status_code == 200, (path, reply.text)
            tried += 1
    assert tried >= 16
