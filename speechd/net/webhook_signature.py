"""Signatures of webhooks, in the scheme of Standard Webhooks (standardwebhooks.com, "Signature scheme")."""

import base64
import binascii
from datetime import UTC, datetime

from standardwebhooks import Webhook

from speechd.errors import InvalidRequest

WHSEC_PREFIX = "whsec_"
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 16, 256
"""Bytes of a secret."""


def secret_bytes(secret: str) -> bytes:
    """The key of a secret: base64 after `whsec_`, else its own characters.

    Raises:
        InvalidRequest: it is not base64, too short or too long.
    """
    try:
        encoded = secret.removeprefix(WHSEC_PREFIX)
        key = base64.b64decode(encoded, validate=True) if secret.startswith(WHSEC_PREFIX) else secret.encode()
    except (binascii.Error, ValueError):
        key = b""
    if not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES or "\0" in secret:  # databases refuse it
        raise InvalidRequest(
            f"`webhook_secret` must be `whsec_` and base64 of {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes,"
            f" or a text of {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes.",
            param="webhook_secret",
        )
    return key


def signed_headers(secret: str, message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that prove who sent the body.

    Args:
        secret: as the receiver has it.
        message: id of the message; the same at every attempt.
        timestamp: Unix seconds of this attempt.
        body: exactly what is sent, in UTF-8.

    Raises:
        InvalidRequest: see secret_bytes.
    """
    signature = Webhook(secret_bytes(secret)).sign(message, datetime.fromtimestamp(timestamp, UTC), body.decode())
    return {"webhook-id": message, "webhook-timestamp": str(timestamp), "webhook-signature": signature}
