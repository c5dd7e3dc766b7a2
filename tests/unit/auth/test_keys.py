import json
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from speechd.auth.keys import DEFAULT_PERMISSIONS, PERMISSIONS, KeyFile, KeyLimits, KeyRing, parse_permissions
from speechd.errors import InvalidRequest, Misconfigured, NotFound
from speechd.settings import Settings


@pytest.fixture
def file(settings: Settings) -> KeyFile:
    return KeyFile(settings.keys_path)


def test_a_key_is_kept_as_a_hash_for_its_owner_alone(file: KeyFile) -> None:
    secret = file.add("anna", KeyLimits(requests_per_minute=5))
    assert len(secret) > 40
    assert secret not in file.path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    (key,) = file.read()
    assert (key.name, key.limits) == ("anna", KeyLimits(requests_per_minute=5))


def test_two_keys_differ_and_names_are_unique(file: KeyFile) -> None:
    assert file.add("anna", KeyLimits()) != file.add("ben", KeyLimits())
    with pytest.raises(InvalidRequest, match="already"):
        file.add("anna", KeyLimits())
    assert [key.name for key in file.read()] == ["anna", "ben"]


@pytest.mark.parametrize("name", ["", "a b", "a" * 65, "a\nb", "SPEECHD_API_KEY"])
def test_names(file: KeyFile, name: str) -> None:
    with pytest.raises(InvalidRequest):
        file.add(name, KeyLimits())


def test_only_the_right_secret_finds_a_key(file: KeyFile, settings: Settings) -> None:
    secrets = [file.add(name, KeyLimits()) for name in ("anna", "ben")]
    ring = KeyRing(settings)
    assert [key.name for secret in secrets if (key := ring.find(secret.encode()))] == ["anna", "ben"]
    for wrong in (b"", secrets[0][:-1].encode(), b"anna", file.read()[0].digest.encode()):
        assert ring.find(wrong) is None


def test_a_running_server_takes_and_drops_keys(file: KeyFile, settings: Settings) -> None:
    ring = KeyRing(settings)
    assert not ring.required
    secret = file.add("anna", KeyLimits())
    assert ring.required
    assert ring.find(secret.encode()) is not None
    file.revoke("anna")
    assert ring.find(secret.encode()) is None
    assert ring.required, "revoking the last key must not open the server"
    with pytest.raises(NotFound):
        file.revoke("anna")


def test_the_key_of_the_environment_goes_along(file: KeyFile, settings: Settings) -> None:
    secret = file.add("anna", KeyLimits())
    ring = KeyRing(settings.model_copy(update={"api_key": SecretStr("sk-own")}))
    assert ring.find(b"sk-own").name == "SPEECHD_API_KEY"  # type: ignore[union-attr]
    assert ring.find(secret.encode()).name == "anna"  # type: ignore[union-attr]


def test_a_file_that_is_named_but_absent_lets_nobody_in(tmp_path: Path) -> None:
    ring = KeyRing(Settings(data_dir=tmp_path, api_keys_file=tmp_path / "none.json"))
    assert ring.required


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "{}x",
        '[{"name": "a"}]',
        '[{"name": "a", "digest": "zz"}]',
        '[{"name": "a", "digest": "' + "0" * 64 + '", "limits": {"colour": 1}}]',
        '[{"name": "a", "digest": "' + "0" * 64 + '", "may": ["fly"]}]',
        '[{"name": "a", "digest": "' + "0" * 64 + '", "id": ""}]',
        '[{"name": "a", "digest": "' + "0" * 64 + '", "limits": {"requests_per_minute": "many"}}]',
    ],
)
def test_a_spoilt_file(file: KeyFile, settings: Settings, content: str) -> None:
    """It is refused at the start; while the server runs, it lets nobody in."""
    secret = file.add("anna", KeyLimits())
    ring = KeyRing(settings)
    file.path.write_text(content)
    assert ring.find(secret.encode()) is None
    assert ring.required
    with pytest.raises(Misconfigured):
        KeyRing(settings)


def test_the_file_holds_what_its_readers_need(file: KeyFile) -> None:
    file.add("anna", KeyLimits(audio_seconds_per_day=3600))
    (row,) = json.loads(file.path.read_text())
    assert set(row) == {"name", "digest", "created", "limits", "id", "may"}


def test_a_name_that_is_given_again_is_somebody_else(file: KeyFile) -> None:
    file.add("anna", KeyLimits())
    (first,) = file.read()
    file.revoke("anna")
    file.add("anna", KeyLimits())
    (second,) = file.read()
    assert first.id.startswith("key_")
    assert second.id not in (first.id, "anna")


def test_a_key_that_was_made_before_there_were_ids(file: KeyFile) -> None:
    """It keeps what it owns, which is stored under its name; the next key of that name does not get it."""
    secret = file.add("anna", KeyLimits())
    (row,) = json.loads(file.path.read_text())
    del row["id"], row["may"]
    file.path.write_text(json.dumps([row]))
    assert [(key.id, key.may) for key in file.read()] == [("anna", DEFAULT_PERMISSIONS)]
    file.add("ben", KeyLimits())  # writes the file anew
    assert json.loads(file.path.read_text())[0]["id"] == "anna"
    file.revoke("anna")
    assert file.add("anna", KeyLimits()) != secret
    assert file.read()[-1].id != "anna"


def test_permissions_are_kept(file: KeyFile, settings: Settings) -> None:
    file.add("anna", KeyLimits())
    secret = file.add("ben", KeyLimits(), parse_permissions("models, transcribe"))
    assert [key.may for key in file.read()] == [DEFAULT_PERMISSIONS, ("transcribe", "models")]
    assert "models" not in DEFAULT_PERMISSIONS
    ring = KeyRing(settings.model_copy(update={"api_key": SecretStr("sk-own")}))
    assert ring.find(secret.encode()).may == ("transcribe", "models")  # type: ignore[union-attr]
    assert ring.find(b"sk-own").may == PERMISSIONS  # type: ignore[union-attr]


@pytest.mark.parametrize("given", ["", ",", "fly", "speak,fly", "speak;text"])
def test_permissions_that_do_not_exist(given: str) -> None:
    with pytest.raises(InvalidRequest, match="transcribe, speak, text, batches, models, metrics") as refused:
        parse_permissions(given)
    assert refused.value.param == "may"
