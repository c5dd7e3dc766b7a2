import pytest

from speechd.cli import lazy


@pytest.mark.parametrize("name", lazy.__all__)
def test_every_name_that_type_checkers_know_can_be_loaded(name: str) -> None:
    if lazy._PLACES[name][0].startswith("speechd.cluster."):
        pytest.importorskip("ray", reason="the extra `cluster` is not installed")
    assert getattr(lazy, name) is not None


def test_other_names_are_none_of_it() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        lazy.Nothing  # type: ignore[attr-defined]  # noqa: B018
