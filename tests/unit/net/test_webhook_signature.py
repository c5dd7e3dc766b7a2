import base64
import hashlib
import hmac
import time

import openai
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from speechd.errors import InvalidRequest
from speechd.net.webhook_signature import secret_bytes, signed_headers

KEY = bytes(range(32))
CODED = "whsec_" + base64.b64encode(KEY).decode()
BODY = '{"text": "Grüße"}'.encode()


def test_the_signature_by_hand() -> None:
    """Standard Webhooks: base64 of HMAC-SHA256 over id.timestamp.body."""
    headers = signed_headers(CODED, "msg_1", 1_800_000_000, BODY)
    expected = base64.b64encode(hmac.new(KEY, b"msg_1.1800000000." + BODY, hashlib.sha256).digest()).decode()
    assert headers == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1800000000",
        "webhook-signature": f"v1,{expected}",
    }


@pytest.mark.parametrize("secret", [CODED, "a plain secret of mine"])
def test_openais_sdk_verifies_it(secret: str) -> None:
    with openai.OpenAI(api_key="unused") as client:
        headers = signed_headers(secret, "msg_1", int(time.time()), BODY)
        client.webhooks.verify_signature(BODY, headers, secret=secret)
        with pytest.raises(openai.InvalidWebhookSignatureError):
            client.webhooks.verify_signature(BODY + b" ", headers, secret=secret)
        with pytest.raises(openai.InvalidWebhookSignatureError):
            client.webhooks.verify_signature(BODY, headers, secret="another secret, not this one")


def test_the_library_of_standard_webhooks_verifies_it() -> None:
    headers = signed_headers(CODED, "msg_1", int(time.time()), BODY)
    assert Webhook(CODED).verify(BODY, headers) == {"text": "Grüße"}
    with pytest.raises(WebhookVerificationError):
        Webhook(CODED).verify(BODY, headers | {"webhook-id": "msg_2"})


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "short",
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_%%%",
        "x" * 257,
        "whsec_ünicode",
        "x" * 20 + "\0",
        "x" * 20 + "\ud800",
    ],
)
def test_secrets_that_are_none(secret: str) -> None:
    with pytest.raises(InvalidRequest, match="webhook_secret") as caught:
        secret_bytes(secret)
    assert caught.value.param == "webhook_secret"
    assert not secret or secret == "whsec_" or secret not in caught.value.message
