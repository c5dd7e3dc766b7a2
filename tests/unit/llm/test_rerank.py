import math

import pytest

from speechd.errors import BackendFailure
from speechd.llm.rerank import indexed_result, rerank_request, result, scores


def test_the_request() -> None:
    fields = {"model": "m", "query": "q", "docs": ["a", "b"], "instruction": "How?", "truncate": 1}
    assert rerank_request(fields, "M") == {
        "model": "M",
        "query": "How?\nq",
        "documents": ["a", "b"],
        "top_n": 2,
        "truncate": 1,
    }


def test_logits_become_probabilities_and_keep_their_order() -> None:
    found = result({"docs": ["a", "b", "c", "d"]}, {0: -1000.0, 1: 0.0, 2: 1000.0, 3: math.log(3)}, logits=True)[
        "results"
    ]
    assert [row["doc"] for row in found] == ["c", "d", "b", "a"]
    assert [row["score"] for row in found] == pytest.approx([1, 0.75, 0.5, 0])


def test_equals_keep_the_order_of_the_request() -> None:
    assert [row["doc"] for row in result({"docs": ["a", "b"]}, {1: 0.5, 0: 0.5}, logits=False)["results"]] == ["a", "b"]


def test_documents_as_others_name_them() -> None:
    fields = {"model": "m", "query": "q", "documents": ["a", {"text": "b"}, "c"], "top_n": 2}
    assert rerank_request(fields, "M") == {"model": "M", "query": "q", "documents": ["a", "b", "c"], "top_n": 3}
    assert indexed_result(fields, {0: 0.1, 1: 0.9, 2: 0.5}, logits=False) == {
        "model": "m",
        "results": [
            {"index": 1, "relevance_score": 0.9, "document": {"text": "b"}},
            {"index": 2, "relevance_score": 0.5, "document": {"text": "c"}},
        ],
    }
    bare = indexed_result(fields | {"return_documents": False, "top_n": None}, {0: 0, 1: 1, 2: 0}, logits=False)
    assert bare["results"] == [{"index": index, "relevance_score": score} for index, score in ((1, 1), (0, 0), (2, 0))]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"results": None},
        {"results": [{"index": 0, "score": 1}]},
        {"results": [{"index": 0, "score": 1}, {"index": 5, "score": 1}]},
        {"results": [{"index": 0, "score": "NaN"}, {"index": 1, "score": 1}]},
        {"results": [{"index": 0}, {"index": 1, "score": 1}]},
    ],
)
def test_a_ranking_with_holes_is_no_ranking(answer: dict[str, object]) -> None:
    with pytest.raises(BackendFailure):
        scores(answer, 2)
