"""Models that break the process that uses them, made from whisper-pocket by hand.

`model.bin` of CTranslate2: version, name, revision, number of variables; of each variable its name, rank, dimensions,
type, size and data; then aliases (CTranslate2, python/ctranslate2/specs/model_spec.py).
"""

import json
import shutil
import struct
from pathlib import Path

from speechd.registry.files import shipped_models

EMBEDDINGS = b"decoder/embeddings/weight\0"


def half_an_embedding(folder: Path) -> None:
    """The table of tokens ends in the middle: decoding writes beyond what it has taken (malloc aborts)."""
    _pocket(folder)
    content = (folder / "model.bin").read_bytes()
    at = content.index(struct.pack("<H", len(EMBEDDINGS)) + EMBEDDINGS) + 2 + len(EMBEDDINGS)
    rank, rows, width, kind, size = struct.unpack_from("<BIIBI", content, at)
    assert (rank, rows * width) == (2, size), "int8"
    data = at + struct.calcsize("<BIIBI")
    head = struct.pack("<BIIBI", rank, rows // 2, width, kind, size // 2)
    (folder / "model.bin").write_bytes(content[:at] + head + content[data : data + size // 2] + content[data + size :])


def wild_heads(folder: Path) -> None:
    """The attention heads for word times do not exist: only a request for words crashes (segmentation fault)."""
    _pocket(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "alignment_heads": [[3, 900_000]]}))


def _pocket(folder: Path) -> None:
    shutil.copytree(shipped_models() / "whisper-pocket", folder)


CRAFTED = {"half": half_an_embedding, "heads": wild_heads}
