"""/docs and /openapi.json. The page works offline: Swagger's files come from the package fastapi-offline."""

import copy
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse

from speechd.api.dependencies import get_service
from speechd.api.openapi.llm import PLACEHOLDER
from speechd.errors import NotFound

ASSETS = {
    "/docs/swagger-ui-bundle.js": "swagger-ui-bundle.js",
    "/docs/swagger-ui.css": "swagger-ui.css",
    "/docs/favicon.png": "favicon.png",
}
"""What the page needs: by its path, the file in fastapi_offline/static."""
WITHOUT = (
    "<!doctype html><title>speechd</title><p>This page needs the package <code>fastapi-offline</code>, which carries"
    " its files. The whole API is described in <a href='/openapi.json'>/openapi.json</a>."
)

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs() -> HTMLResponse:
    if _assets() is None:
        return HTMLResponse(WITHOUT)
    script, style, icon = ASSETS
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="speechd",
        swagger_js_url=script,
        swagger_css_url=style,
        swagger_favicon_url=icon,
        swagger_ui_parameters={"docExpansion": "list", "tryItOutEnabled": True, "defaultModelsExpandDepth": -1},
    )


@router.get("/docs/{name}")
async def asset(request: Request, name: str) -> Response:
    """
    Raises:
        NotFound: the page has no such file.
    """
    folder, file = _assets(), ASSETS.get(f"/docs/{name}")
    if folder is None or file is None:
        raise NotFound
    return FileResponse(folder / file, headers={"cache-control": "max-age=86400"})


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """The schema; its examples name models that are here now."""
    models = [model.id for model in await get_service(request).llm.models()]
    return JSONResponse(with_models(request.app.openapi(), models))


def with_models(schema: dict[str, Any], models: Iterable[str]) -> dict[str, Any]:
    """A copy whose examples name one of the models: for embeddings and reranking one with that in its name."""
    ids = list(models)
    filled = copy.deepcopy(schema)
    for path, operations in filled["paths"].items():
        wanted = next((word for word in ("embed", "rerank") if word in path), "")
        fitting = [name for name in ids if wanted in name.lower()] if wanted else _for_chat(ids)
        body = operations.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        example = body.get("example", {})
        for field, value in example.items():
            if value == PLACEHOLDER and fitting:
                example[field] = fitting[0]
    return filled


def _for_chat(ids: list[str]) -> list[str]:
    return [name for name in ids if not any(word in name.lower() for word in ("embed", "rerank"))]


def _assets() -> Path | None:
    """The folder of Swagger's files; finding the package does not import it."""
    spec = find_spec("fastapi_offline")
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) / "static" if places else None
