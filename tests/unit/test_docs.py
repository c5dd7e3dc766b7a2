"""What the README says exists, and what exists it says."""

import hashlib
import re
from pathlib import Path

import pytest

from speechd.settings import Settings
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"`SPEECHD_{name.upper()}`" in README


def test_the_readme_names_no_other_setting() -> None:
    named = set(re.findall(r"SPEECHD_[A-Z_]+", README))
    assert named == {f"SPEECHD_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("document", sorted(ROOT.glob("*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(document: object) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / str(document)).read_text()):
        if "://" not in target:
            assert (ROOT / target).exists(), target


@pytest.mark.parametrize("card", sorted(ROOT.glob("models/*/MODEL_CARD.md")), ids=lambda path: path.parent.name)
def test_a_card_names_the_hash_of_its_weights(card: Path) -> None:
    (weights,) = [*card.parent.glob("model.bin"), *card.parent.glob("*.onnx")]
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in card.read_text()
