import re

from speechd.ids import new_id, ulid


def test_shape() -> None:
    assert re.fullmatch(r"req_[0-7][0-9a-hjkmnp-tv-z]{25}", new_id("req"))
    assert new_id("req") != new_id("req")


def test_sorts_by_time() -> None:
    assert ulid(1, 2**80 - 1) < ulid(2, 0)


def test_known_value() -> None:
    assert ulid(1_469_918_176_385, 0)[:10] == "01aryz6s41"
    assert ulid(2**48 - 1, 2**80 - 1) == "7" + 25 * "z"
