"""Settings from files: which one wins, what is refused, and what `speechd settings` tells of them."""

import json
from pathlib import Path

import pytest

from speechd.configuration.reload import reload_settings
from speechd.errors import InvalidRequest
from speechd.settings import read_settings
from tests.support.command_line import speechd_in_process


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "speechd.toml"
    monkeypatch.setenv("SPEECHD_CONFIG", str(path))
    return path


def test_the_command_line_wins_then_the_environment_then_the_file(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('host = "::1"\nport = 1\nmax_pulls = 3\npreload = ["a", "b"]\n[lexicon]\nGIF = "jif"\n')
    monkeypatch.setenv("SPEECHD_PORT", "2")
    monkeypatch.setenv("SPEECHD_HOST", "localhost")
    settings = read_settings(host="0.0.0.0")
    assert (settings.host, settings.port, settings.max_pulls) == ("0.0.0.0", 2, 3)
    assert (settings.preload, settings.lexicon) == (("a", "b"), {"GIF": "jif"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot = 1", "there is no setting `prot`. Did you mean port?"),
        ("port = 'many'", "The setting `port` in {} is not valid: Input should be a valid integer"),
        ("port = [1]", "The setting `port` in {} is not valid"),
        ("lexicon = 3", "The setting `lexicon` in {} is not valid"),
        ("port = ", "is not TOML"),
        ("x" * 1_000_001, "is larger than 1000 kB"),
    ],
)
def test_a_wrong_file_is_told(config: Path, text: str, told: str) -> None:
    config.write_text(text)
    with pytest.raises(InvalidRequest) as refusal:
        read_settings()
    assert told.format(config) in refusal.value.message


def test_a_secret_comes_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("sk-of-a-file\n")
    monkeypatch.setenv("SPEECHD_API_KEY_FILE", str(tmp_path / "key"))
    key = read_settings().api_key
    assert key is not None
    assert key.get_secret_value() == "sk-of-a-file"
    monkeypatch.setenv("SPEECHD_API_KEY", "sk-another")
    with pytest.raises(InvalidRequest, match="not both"):
        read_settings()
    monkeypatch.delenv("SPEECHD_API_KEY")
    (tmp_path / "key").unlink()
    with pytest.raises(InvalidRequest, match="cannot be read: No such file"):
        read_settings()


def test_what_is_read_again(config: Path, caplog: pytest.LogCaptureFixture) -> None:
    config.write_text("max_wait = 5\nport = 1\n")
    settings = read_settings()
    config.write_text("max_wait = 6\nport = 2\n")
    reload_settings(settings)
    assert (settings.max_wait, settings.port) == (6, 1)
    config.write_text("max_wait = -1\n")
    reload_settings(settings)
    assert settings.max_wait == 6
    assert "the settings stay as they are" in caplog.text


def test_the_command_tells_values_and_where_they_come_from(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("max_pulls = 3\n")
    variables = {
        "SPEECHD_API_KEY": "sk-secret",
        "SPEECHD_DATABASE_URL": "postgresql://u:p4ss@host/d",
        "SPEECHD_DEFUALT_MODEL": "x",
    }
    done = speechd_in_process("--config", tmp_path / "s.toml", "settings", "--json", **variables)
    told = json.loads(done.stdout)
    assert told["settings"]["max_pulls"] == {"value": "3", "from": str(tmp_path / "s.toml")}
    assert told["settings"]["api_key"] == {"value": "**********", "from": "SPEECHD_API_KEY"}
    assert told["settings"]["port"]["from"] == "default"
    assert told["notes"] == [
        "SPEECHD_DEFUALT_MODEL is set, but there is no such setting. Did you mean SPEECHD_DEFAULT_MODEL?"
    ]
    assert "sk-secret" not in done.stdout
    assert "p4ss" not in done.stdout
