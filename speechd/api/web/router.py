"""GET /app and its files, and GET / for browsers. The files hold no data: what the page shows comes over the API."""

import asyncio
import secrets
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from speechd.api.routes.health import hint
from speechd.api.web.assets import FILE_POLICY, NONCE, START, page_policy, web_files
from speechd.errors import NotFound

COMMON_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def start(request: Request, response: Response) -> object:
    """Browsers go to the page. Programs are told what this is, as without the page."""
    if prefers_html(request.headers.get("accept", "")):
        return RedirectResponse("app", headers={"vary": "accept"})
    response.headers["vary"] = "accept"
    return await hint()


@router.get("/app")
async def page() -> Response:
    """The start page. It is not kept, since its policy has a number of its own."""
    found = await asyncio.to_thread(web_files)
    nonce = secrets.token_urlsafe(18)
    headers = {"content-security-policy": page_policy(nonce), "cache-control": "no-store"}
    content = found[START].content.decode().replace(NONCE, nonce)
    return Response(content, media_type="text/html", headers=COMMON_HEADERS | headers)


@router.get("/app/{name:path}")
async def file(request: Request, name: str) -> Response:
    """A file of the page. A browser asks each time whether it has changed: a new version is seen at once.

    Raises:
        NotFound: the page has no such file.
    """
    found = (await asyncio.to_thread(web_files)).get(name)
    if found is None or name == START:
        raise NotFound
    headers = COMMON_HEADERS | {
        "content-security-policy": FILE_POLICY,
        "cache-control": "no-cache",
        "etag": found.etag,
        "vary": "accept-encoding",
    }
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if _weights(request.headers.get("accept-encoding", "")).get("gzip", 0) > 0:
        return Response(found.zipped, media_type=found.media_type, headers=headers | {"content-encoding": "gzip"})
    return Response(found.content, media_type=found.media_type, headers=headers)


def prefers_html(accept: str) -> bool:
    """Whether a caller would rather have HTML than JSON (RFC 9110, section 12.5.1): browsers name HTML, programs
    send `*/*`, JSON or nothing."""
    weights = _weights(accept)
    html = weights.get("text/html", 0.0)
    return html > 0 and html >= weights.get("application/json", 0.0)


def _weights(header: str) -> dict[str, float]:
    """What a caller accepts, by name, with how much it is wanted."""
    return dict(_weighted(part) for part in header.lower().split(","))


def _weighted(part: str) -> tuple[str, float]:
    """`text/html;q=0.9` -> `("text/html", 0.9)`; a weight that is no number is 0."""
    media_type, *parameters = (each.strip() for each in part.split(";"))
    weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return media_type, float(weight)
    except ValueError:
        return media_type, 0.0
