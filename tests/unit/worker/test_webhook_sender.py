"""Webhooks: where they go, what they say, and what the answers mean."""

import json
from collections.abc import AsyncIterator
from ipaddress import ip_address
from typing import Any

import httpx2
import openai
import pytest

from speechd.net.ssrf import Address
from speechd.settings import Settings
from speechd.store.audio_jobs.records import AudioOrder, JobResult, Webhook
from speechd.store.queue import Outcome, Queue
from speechd.store.store import Store, StoreHandle
from speechd.worker.webhook_sender import WebhookSender, classify_status

SECRET = "a secret that both sides know"
PUBLIC = "93.184.215.14"
URL = "https://hooks.example:8443/speech?token=1"


class Receiver(httpx2.AsyncBaseTransport):
    """Notes what it is sent, and answers what it is told."""

    def __init__(self, *answers: int | Exception, address: str = PUBLIC) -> None:
        self.answers = list(answers)
        self.address = address
        self.requests: list[httpx2.Request] = []

    async def resolve(self, host: str, port: int) -> list[Address]:
        return [ip_address(self.address)]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer, headers={"location": "http://127.0.0.1/"})


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    jobs = StoreHandle(settings)
    yield await jobs.open()
    await jobs.close()


def courier(store: Store, receiver: Receiver, allow: tuple[str, ...] = ()) -> WebhookSender:
    return WebhookSender(store, "worker_1", allow, resolver=receiver.resolve, transport=receiver)


async def finished(store: Store, content: bytes = b'{"text": "Hello."}', url: str = URL) -> str:
    """A completed job with a webhook."""
    order = AudioOrder(
        owner="anna",
        url="/v1/audio/transcriptions",
        request_id="req_1",
        fields={},
        model="auto",
        format="json",
        unit="seconds",
        total=None,
        webhook=Webhook(url, SECRET),
    )
    job = await store.audio.create(order, None)
    queue = Queue(store.database, "worker_1")
    (line,) = await queue.claim(1)
    with store.files.blobs.draft() as draft:
        draft.write(content)
        answer = JobResult(draft, "application/json", {}, 1.0)

        async def enter(connection: Any) -> Outcome:
            return Outcome("completed", 200, "req_1", await store.audio.enter(connection, "", line.id, answer))

        assert await queue.finish(line, enter)
    return job.id


async def webhook(store: Store, job: str) -> Any:
    return (await store.audio.look(job)).webhook


async def settle_now(store: Store, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = store.database.now() + seconds
    monkeypatch.setattr(store.database, "now", lambda: now)


async def test_the_finished_job_is_sent_to_the_address_that_was_checked(store: Store) -> None:
    job, receiver = await finished(store), Receiver(200)
    await courier(store, receiver).deliver_due()
    (request,) = receiver.requests
    assert (request.method, str(request.url)) == ("POST", f"https://{PUBLIC}:8443/speech?token=1")
    assert (request.headers["host"], request.extensions["sni_hostname"]) == ("hooks.example:8443", "hooks.example")
    assert request.headers["content-type"] == "application/json"
    with openai.OpenAI(api_key="unused", webhook_secret=SECRET) as client:
        client.webhooks.verify_signature(request.content, dict(request.headers))
    told = json.loads(request.content)
    assert (told["id"], told["status"], told["result"]) == (job, "completed", {"text": "Hello."})
    assert "webhook" not in told
    state = await webhook(store, job)
    assert (state.state, state.attempts, state.last_status) == ("delivered", 1, 200)


async def test_the_same_message_until_it_is_accepted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    job, receiver = await finished(store), Receiver(500, httpx2.ConnectError("refused"), 204)
    courier_ = courier(store, receiver)
    for attempts in range(1, 4):
        await courier_.deliver_due()
        assert (await webhook(store, job)).attempts == attempts
        await courier_.deliver_due()
        assert len(receiver.requests) == attempts, "not before its time"
        await settle_now(store, monkeypatch, 100)
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert len({request.content for request in receiver.requests}) == 1
    assert len({request.headers["webhook-timestamp"] for request in receiver.requests}) == 3
    assert (await webhook(store, job)).state == "delivered"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"])
async def test_a_name_that_leads_inside_is_not_followed(store: Store, address: str) -> None:
    job, receiver = await finished(store), Receiver(200, address=address)
    await courier(store, receiver).deliver_due()
    state = await webhook(store, job)
    assert (receiver.requests, state.state) == ([], "failed")
    assert "SPEECHD_FETCH_ALLOW_HOSTS" in state.last_error
    assert address not in state.last_error


async def test_the_operator_can_allow_it(store: Store) -> None:
    job, receiver = await finished(store, url="http://10.0.0.1:8080/"), Receiver(200, address="10.0.0.1")
    await courier(store, receiver, ("10.0.0.0/8",)).deliver_due()
    assert (await webhook(store, job)).state == "delivered"


async def test_a_redirect_is_a_failure(store: Store) -> None:
    job, receiver = await finished(store), Receiver(302)
    await courier(store, receiver).deliver_due()
    state = await webhook(store, job)
    assert (len(receiver.requests), state.state) == (1, "open")
    assert "redirects are not followed" in state.last_error


async def test_a_long_result_is_fetched_instead(store: Store) -> None:
    job, receiver = await finished(store, json.dumps({"text": "x" * 1_000_000}).encode()), Receiver(200)
    await courier(store, receiver).deliver_due()
    told = json.loads(receiver.requests[0].content)
    assert (told["result"], told["result_url"]) == (None, f"/v1/audio/jobs/{job}/result")


async def test_nothing_secret_is_logged(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "speechd")
    await finished(store)
    await courier(store, Receiver(500)).deliver_due()
    assert "attempt 1" in caplog.text
    assert SECRET not in caplog.text
    assert "token" not in caplog.text


@pytest.mark.parametrize(
    ("status", "delivered", "final"),
    [(200, True, False), (204, True, False), (301, False, False), (404, False, False), (410, False, True)],
)
def test_what_answers_mean(status: int, delivered: bool, final: bool) -> None:
    attempt = classify_status(status)
    assert (attempt.status, attempt.delivered, attempt.final) == (status, delivered, final)
