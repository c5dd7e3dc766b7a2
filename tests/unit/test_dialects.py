import pytest

from speechd.dialects import GROQ, OPENAI, Dialect, dialect_of, without_repeated_prefix


@pytest.mark.parametrize(
    ("path", "dialect"),
    [("/openai/v1/models", GROQ), ("/v1/models", OPENAI), ("/v1", OPENAI), ("/v12/models", None), ("/healthz", None)],
)
def test_dialect_by_prefix(path: str, dialect: Dialect | None) -> None:
    assert dialect_of(path) is dialect


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/openai/v1/openai/v1/models", "/openai/v1/models"),
        ("/v1/openai/v1/models", "/openai/v1/models"),
        ("/v1/v1/models", "/v1/models"),
        ("/openai/v1/models", "/openai/v1/models"),
        ("/v1/models", "/v1/models"),
        ("/v1/models/v1", "/v1/models/v1"),
        ("/v1/v12", "/v1/v12"),
        ("/healthz", "/healthz"),
    ],
)
def test_repeated_prefix(path: str, meant: str) -> None:
    assert without_repeated_prefix(path) == meant
