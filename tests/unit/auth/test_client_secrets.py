"""Short-lived keys say whose they are and cannot be made by others."""

from pathlib import Path

import pytest

from speechd.auth.client_secrets import EPHEMERAL, ClientSecrets
from speechd.errors import AuthenticationFailed, InvalidRequest, Misconfigured


def test_a_secret_says_what_it_was_made_for(tmp_path: Path) -> None:
    path = tmp_path / "new" / "client_secrets.key"
    value, expires_at = ClientSecrets(path, lambda: 1000.0).make("key_1", 60, {"include": ["é"]})
    assert value.startswith(EPHEMERAL)
    found = ClientSecrets(path, lambda: 1060.0).read(value)  # another process
    assert (found.key, found.expires_at, found.session) == ("key_1", 1060, {"include": ["é"]})
    assert expires_at == 1060
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_it_ends(tmp_path: Path) -> None:
    value, _ = ClientSecrets(tmp_path / "key", lambda: 1000.0).make("", 60, {})
    with pytest.raises(AuthenticationFailed, match="expired"):
        ClientSecrets(tmp_path / "key", lambda: 1061.0).read(value)


@pytest.mark.parametrize("change", [lambda v: v[:-3], lambda v: v + "x", lambda v: "ek_", lambda v: "ek_ü*", str.lower])
def test_a_changed_one_is_none(change: object) -> None:
    secrets = ClientSecrets(None)
    value, _ = secrets.make("key_1", 60, {})
    with pytest.raises(AuthenticationFailed):
        secrets.read(change(value))  # type: ignore[operator]


def test_each_process_without_keys_has_its_own() -> None:
    value, _ = ClientSecrets(None).make("", 60, {})
    with pytest.raises(AuthenticationFailed):
        ClientSecrets(None).read(value)


def test_settings_have_a_length() -> None:
    with pytest.raises(InvalidRequest, match="too long"):
        ClientSecrets(None).make("", 60, {"prompt": "".join(chr(0x4E00 + n) for n in range(4000))})


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("no key")
    with pytest.raises(Misconfigured):
        ClientSecrets(path).make("", 60, {})
