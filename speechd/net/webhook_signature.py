"""Signatures of webhooks, in the scheme of Standard Webhooks (standardwebhooks.com, "Signature scheme")."""

import base64
import binascii
import hashlib
import hmac

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
        body: the exact bytes that are sent.
    """
    content = f"{message}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(secret_bytes(secret), content, hashlib.sha256).digest()).decode()
    return {"webhook-id": message, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}
