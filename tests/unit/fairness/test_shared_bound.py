"""How much each caller may hold, with numbers."""

import pytest

from speechd.fairness.shared_bound import Excess, SharedBound

BOUND = SharedBound(100, 0.5)


@pytest.mark.parametrize(
    ("held", "amount", "expected"),
    [
        ({}, 100, None),
        ({}, 101, Excess(1, 100, of_share=False)),
        ({"anna": 40}, 60, None),
        ({"anna": 40}, 61, Excess(1, 100, of_share=False)),
        ({"anna": 40, "ben": 1}, 10, None),
        ({"anna": 40, "ben": 1}, 11, Excess(1, 50, of_share=True)),
        ({"anna": 90, "ben": 1}, 10, Excess(50, 50, of_share=True)),
        ({"ben": 100}, 50, None),
        ({"ben": 100}, 51, Excess(1, 100, of_share=False)),
        ({"ben": 50, "carl": 50}, 1, Excess(1, 100, of_share=False)),
        ({"ben": 0, "anna": 40}, 60, None),
    ],
)
def test_the_bound_and_the_share_of_one_caller(held: dict[str, float], amount: float, expected: Excess | None) -> None:
    assert BOUND.excess(held, "anna", amount) == expected


def test_a_share_of_one_is_no_share() -> None:
    assert SharedBound(100).excess({"anna": 90, "ben": 1}, "anna", 9) is None
    assert SharedBound().excess({"anna": 1e9, "ben": 1e9}, "anna", 1e9) is None
