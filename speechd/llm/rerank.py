"""Groq's `reranking {query, docs, instruction}` as Jina, vLLM and llama.cpp name it: `rerank {query, documents}`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from speechd.errors import BackendFailure

RERANK_FIELDS = ("query", "docs", "instruction", "model")


def rerank_request(fields: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The backend's request; the instruction is put before the query, and unknown fields are kept."""
    instruction, query = fields.get("instruction"), fields["query"]
    others = {name: value for name, value in fields.items() if name not in RERANK_FIELDS}
    return others | {
        "model": model,
        "query": f"{instruction}\n{query}" if instruction else query,
        "documents": fields["docs"],
        "top_n": len(fields["docs"]),
    }


def scores(answer: Mapping[str, Any], count: int) -> dict[int, float]:
    """The score of each document by its place in the request.

    Raises:
        BackendFailure: a document has no score, or its score is no number.
    """
    try:
        found = {
            int(row["index"]): float(row["relevance_score"] if "relevance_score" in row else row["score"])
            for row in answer["results"]
        }
    except (LookupError, TypeError, ValueError):
        found = {}
    if set(found) != set(range(count)) or not all(map(math.isfinite, found.values())):
        raise BackendFailure("The LLM backend did not rank every document.", code="backend_bad_answer")
    return found


def result(docs: Sequence[str], found: Mapping[int, float], logits: bool) -> dict[str, Any]:
    """Every document with its score in 0..1, the best first; equals stay in the order of the request."""
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return {"results": [{"doc": docs[index], "score": _probability(score, logits)} for index, score in ranked]}


def _probability(score: float, is_logit: bool) -> float:
    """The logistic function of a logit, written so that it cannot overflow."""
    if not is_logit:
        return min(1.0, max(0.0, score))
    return 1 / (1 + math.exp(-score)) if score >= 0 else math.exp(score) / (1 + math.exp(score))
