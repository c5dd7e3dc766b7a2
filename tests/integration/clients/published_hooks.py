"""Hooks of the run over a published document: real ids, models and recordings where generated ones would be refused."""

import json
import os
from pathlib import Path
from typing import Any

import schemathesis

MODELS = {"embeddings": "tiny-embed", "reranking": "org/tiny-rerank", "chat": "tiny-chat", "responses": "tiny-chat"}
IDS: dict[str, str] = json.loads(os.environ["PUBLISHED_IDS"])
"""Path parameter -> id of a thing that is there."""
SPARE: dict[str, list[str]] = json.loads(os.environ["PUBLISHED_SPARE"])
"""Path parameter -> copies that may be deleted; nothing else is."""
RECORDING = Path(os.environ["PUBLISHED_RECORDING"]).read_bytes()


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    if not path_parameters:
        return path_parameters
    real = {name: IDS[name] for name in path_parameters if name in IDS}
    if context.operation.method.upper() == "DELETE":
        real = {name: SPARE[name].pop() if SPARE.get(name) else "deleted" for name in real}
    return {**path_parameters, **real}


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    path, real = context.operation.path, {}
    if known := [model for part, model in MODELS.items() if part in path]:
        real["model"] = known[0]
    if "transcriptions" in path or "translations" in path:
        body = {name: value for name, value in body.items() if name != "url"}
        real |= {"model": "whisper-large-v3", "file": RECORDING}
    elif path.endswith("/audio/speech"):
        real |= {"model": "playai-tts", "voice": "Fritz-PlayAI"}
    elif path.endswith("/batches"):
        real |= {"input_file_id": IDS["file_id"], "completion_window": "24h"}
    return {**body, **real}
