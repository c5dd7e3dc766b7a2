"""Reranking as Groq names it, `reranking {query, docs, instruction}`, and as Jina, Cohere and vLLM do,
`rerank {query, documents, top_n}`. The backend's is the second."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from speechd.errors import BackendFailure

RankingFormat = Callable[[Mapping[str, Any], Mapping[int, float], bool], dict[str, Any]]
"""Makes an answer of the request's fields and the scores, which may be logits."""

RERANK_FIELDS = ("query", "docs", "documents", "instruction", "model", "top_n", "return_documents")


def rerank_request(fields: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The backend's request; the instruction is put before the query, and unknown fields are kept."""
    instruction, query = fields.get("instruction"), fields["query"]
    others = {name: value for name, value in fields.items() if name not in RERANK_FIELDS}
    documents = documents_of(fields)
    return others | {
        "model": model,
        "query": f"{instruction}\n{query}" if instruction else query,
        "documents": documents,
        "top_n": len(documents),
    }


def documents_of(fields: Mapping[str, Any]) -> Sequence[str]:
    """The texts to rank, by either name."""
    given = fields["docs"] if "docs" in fields else fields["documents"]
    return [document if isinstance(document, str) else document["text"] for document in given]


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


def result(fields: Mapping[str, Any], found: Mapping[int, float], logits: bool) -> dict[str, Any]:
    """Groq's answer: every document with its score in 0..1, the best first."""
    documents = documents_of(fields)
    return {"results": [{"doc": documents[index], "score": score} for index, score in _ranked(found, logits)]}


def indexed_result(fields: Mapping[str, Any], found: Mapping[int, float], logits: bool) -> dict[str, Any]:
    """The answer of the others: the best `top_n` by their place in the request, with their texts unless they are not
    wanted."""
    documents, with_texts = documents_of(fields), fields.get("return_documents") is not False
    rows: list[dict[str, Any]] = [
        {"index": index, "relevance_score": score} | ({"document": {"text": documents[index]}} if with_texts else {})
        for index, score in _ranked(found, logits)
    ]
    return {"model": fields["model"], "results": rows[: fields.get("top_n") or len(rows)]}


def _ranked(found: Mapping[int, float], logits: bool) -> list[tuple[int, float]]:
    """Places and scores in 0..1, the best first; equals stay in the order of the request."""
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [(index, _probability(score, logits)) for index, score in ranked]


def _probability(score: float, is_logit: bool) -> float:
    """The logistic function of a logit, written so that it cannot overflow."""
    if not is_logit:
        return min(1.0, max(0.0, score))
    return 1 / (1 + math.exp(-score)) if score >= 0 else math.exp(score) / (1 + math.exp(score))
