"""Sends finished jobs to the webhooks of their owners: signed, to allowed addresses, with retries."""

import asyncio
import logging
from http import HTTPStatus

import httpx2

from speechd.errors import AudioJobNotFound, FailedDependency, InvalidRequest, UrlNotAllowed
from speechd.net.safe_client import (
    GuardedRequest,
    Resolver,
    allowed_addresses,
    answer_of,
    guarded_client,
    system_resolver,
)
from speechd.net.ssrf import AddressPolicy, parse_url
from speechd.net.webhook_signature import signed_headers
from speechd.store.audio_jobs.records import AudioJob
from speechd.store.audio_jobs.view import to_response
from speechd.store.audio_jobs.webhooks import Delivery, DeliveryAttempt
from speechd.store.errors import storage_errors
from speechd.store.store import Store
from speechd.telemetry.metrics import WEBHOOKS
from speechd.telemetry.tracing import request_span, trace_headers

AT_ONCE = 16
ATTEMPT_SECONDS = 20.0
MAX_BODY_BYTES = 1_000_000
"""Bytes at most of a result inside the webhook. A longer one is fetched by its `result_url`."""

log = logging.getLogger("speechd.webhooks")


class WebhookSender:
    """Delivers the webhooks of one database, from the side of one worker."""

    def __init__(
        self,
        store: Store,
        worker: str,
        allow_hosts: tuple[str, ...],
        *,
        resolver: Resolver = system_resolver,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """
        Args:
            worker: a name that no other worker has or had.
            allow_hosts: private hosts and networks that may be reached.
            resolver: how names become addresses.
            transport: how requests travel; the network when None.
        """
        self._store = store
        self._worker = worker
        self._policy = AddressPolicy(allow_hosts)
        self._resolver = resolver
        self._transport = transport

    async def deliver_due(self) -> None:
        """Makes one attempt at each webhook that is due."""
        due = await self._store.deliveries.claim(self._worker, AT_ONCE)
        await asyncio.gather(*(self._deliver(delivery) for delivery in due))

    async def _deliver(self, delivery: Delivery) -> None:
        attempt = await self._attempt(delivery)
        await self._store.deliveries.record(self._worker, delivery, attempt)
        WEBHOOKS.labels("delivered" if attempt.delivered else "failed").inc()
        if not attempt.delivered:
            log.info("webhook of %s: attempt %d: %s", delivery.job, delivery.attempts + 1, attempt.error)

    async def _attempt(self, delivery: Delivery) -> DeliveryAttempt:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                job = await self._store.audio.look(delivery.job)
                with request_span("webhook", "client", job.traceparent or ""):
                    return await self._post(delivery, await self._body(job))
        except TimeoutError:
            return DeliveryAttempt(error=f"The receiver did not answer within {ATTEMPT_SECONDS:g} seconds.")
        except FailedDependency as error:
            return DeliveryAttempt(error=error.message)
        except (UrlNotAllowed, InvalidRequest, AudioJobNotFound) as error:
            return DeliveryAttempt(error=error.message, final=True)

    async def _body(self, job: AudioJob) -> bytes:
        """The finished job, without the state of its webhook: every attempt sends the same body."""
        blobs = self._store.files.blobs
        size = 0
        if job.blob is not None:
            with storage_errors():
                size = (await asyncio.to_thread(blobs.path(job.blob).stat)).st_size
        told = await to_response(job, blobs, whole=size <= MAX_BODY_BYTES or job.file_id is not None)
        return told.model_dump_json(exclude={"webhook"}).encode()

    async def _post(self, delivery: Delivery, body: bytes) -> DeliveryAttempt:
        target = parse_url(delivery.url)
        addresses = await allowed_addresses(target, self._policy, self._resolver)
        now = int(self._store.database.now())
        headers = signed_headers(delivery.secret, delivery.message, now, body) | {"content-type": "application/json"}
        headers |= trace_headers()
        message = GuardedRequest("POST", headers, body)
        async with (
            guarded_client(ATTEMPT_SECONDS, self._transport) as client,
            answer_of(message, client, target, addresses) as answer,
        ):
            return classify_status(answer.status_code)  # the body is not read


def classify_status(status: int) -> DeliveryAttempt:
    """The outcome of an attempt, by the receiver's answer."""
    if 200 <= status < 300:
        return DeliveryAttempt(status)
    redirected = ", and redirects are not followed" if 300 <= status < 400 else ""
    return DeliveryAttempt(status, f"The receiver answered {status}{redirected}.", final=status == HTTPStatus.GONE)
