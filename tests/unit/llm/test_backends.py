from pathlib import Path

import pytest
from pydantic import SecretStr

from speechd.errors import Misconfigured
from speechd.llm.backends import Backend, read_backends
from speechd.llm.model_index import public_id
from speechd.settings import Settings


def test_none_is_configured() -> None:
    assert read_backends(Settings()) == ()
    assert read_backends(Settings(llm_base_url="  ")) == ()


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"),
        ("https://api.example.org/openai/v1/", "https://api.example.org/openai/v1"),
    ],
)
def test_one_backend(url: str, used: str) -> None:
    (backend,) = read_backends(Settings(llm_base_url=url, llm_api_key=SecretStr("sk-1")))
    assert (backend.base_url, backend.api_key, backend.may_serve("any/thing")) == (used, "sk-1", True)


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://x/v1", "http://", "http://x:99999/v1", "http://x/v1?a=b"])
def test_a_bad_url(url: str) -> None:
    with pytest.raises(Misconfigured, match="SPEECHD_LLM_BASE_URL"):
        read_backends(Settings(llm_base_url=url))


def test_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "sk-2")
    file = tmp_path / "b.toml"
    file.write_text(
        '[[backend]]\nbase_url = "http://a:1/v1"\napi_key_env = "A_KEY"\nmodels = ["x-*", "y"]\nlist_models = false\n'
        '[[backend]]\nname = "two"\nbase_url = "http://b:2/v1"\nresponses = false\nrerank_scores = "logit"\n'
    )
    one, two = read_backends(Settings(llm_backends_file=file))
    assert (one.api_key, one.exact_models, one.may_serve("x-1"), one.may_serve("z")) == ("sk-2", ("y",), True, False)
    assert two == Backend("two", "http://b:2/v1", responses=False, rerank_scores="logit")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no \\[\\[backend"),
        ("[", "TOML"),
        ('[[backend]]\nbase_url = "x"', "base URL"),
        ('[[backend]]\nbase_url = "http://a/v1"\ncolour = 1', "colour"),
        ('[[backend]]\nbase_url = "http://a/v1"\nmodels = "x"', "models"),
        ('[[backend]]\nbase_url = "http://a/v1"\nresponses = "yes"', "responses"),
        ('[[backend]]\nbase_url = "http://a/v1"\nrerank_scores = "percent"', "rerank_scores"),
    ],
)
def test_a_bad_file(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "b.toml"
    file.write_text(text)
    with pytest.raises(Misconfigured, match=says):
        read_backends(Settings(llm_backends_file=file))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="SPEECHD_LLM_BACKENDS_FILE"):
        read_backends(Settings(llm_backends_file=tmp_path / "none"))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/home/x/my models/tiny.gguf", "tiny.gguf"),
        (r"C:\models\tiny.gguf", "tiny.gguf"),
        ("models/tiny.gguf", "tiny.gguf"),
        ("org/model-7b", "org/model-7b"),
        ("llama3:8b", "llama3:8b"),
    ],
)
def test_a_model_named_by_its_file(name: str, shown: str) -> None:
    assert public_id(name) == shown
