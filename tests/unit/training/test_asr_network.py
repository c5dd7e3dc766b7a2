"""The network of the training recipe."""

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")

from models.training.asr import config  # noqa: E402
from models.training.asr.average import average  # noqa: E402
from models.training.asr.labels import MAX_TOKENS  # noqa: E402
from models.training.asr.losses import token_loss  # noqa: E402
from models.training.asr.model import Whisper, load_weights, save_half  # noqa: E402
from models.training.asr.tokens import TIMESTAMPS  # noqa: E402

VOCABULARY, CHARACTERS = 1600, 10


def network(decoder_layers: int) -> Whisper:
    shape = replace(config.load().shape, width=32, heads=2, encoder_layers=1, decoder_layers=decoder_layers)
    return Whisper(shape, VOCABULARY, CHARACTERS)


def test_a_deeper_decoder_begins_as_the_shallower_one() -> None:
    torch.manual_seed(1)
    shallow, deep = network(2), network(4)
    deep.start_from(shallow.state_dict())
    mel, ids = torch.randn(1, 80, 100), torch.randint(0, VOCABULARY, (1, 7))
    results = []
    for model in (shallow, deep):
        memory = model.model.encoder(mel, torch.tensor([3]))
        states, attention = model.model.decoder(ids, memory, torch.tensor([0]))
        results.append((model.logits(states), attention))
    torch.testing.assert_close(results[0], results[1])
    added = deep.model.decoder.layers[1].fc1.weight
    assert added.abs().sum() > 0, "only its output begins at zero, or it could not learn"


def test_a_network_of_the_same_shape_is_copied() -> None:
    first, second = network(2), network(2)
    second.start_from(first.state_dict())
    torch.testing.assert_close(first.state_dict(), second.state_dict())


def test_each_row_is_written_from_its_own_decoder_position_on() -> None:
    torch.manual_seed(1)
    decoder = network(2).model.decoder
    memory, ids = torch.randn(2, 10, 32), torch.randint(0, VOCABULARY, (1, 6)).expand(2, 6)
    with torch.no_grad():
        decoder.embed_positions.weight[0:6] = decoder.embed_positions.weight[40:46]
    states, _ = decoder(ids, memory[:1].expand(2, 10, 32), torch.tensor([0, 40]))
    torch.testing.assert_close(states[0], states[1])
    states, _ = decoder(ids, memory[:1].expand(2, 10, 32), torch.tensor([0, 41]))
    assert not torch.allclose(states[0], states[1])


def test_padding_beyond_the_last_decoder_position_changes_nothing_before_it() -> None:
    torch.manual_seed(1)
    decoder = network(2).model.decoder
    memory, ids = torch.randn(1, 10, 32), torch.randint(0, VOCABULARY, (1, 8))
    late = torch.tensor([MAX_TOKENS - 5])
    padded, _ = decoder(ids, memory, late)
    fitting, _ = decoder(ids[:, :5], memory, late)
    torch.testing.assert_close(padded[:, :5], fitting)


def test_the_mean_of_weights_lies_between_them(tmp_path: Path) -> None:
    first, second, deeper = network(2), network(2), network(3)
    paths = [tmp_path / name for name in ("a.pt", "b.pt", "c.pt")]
    for model, path in zip((first, second, deeper), paths, strict=True):
        save_half(model, path)
    average(paths[:2], tmp_path / "mean.pt")
    mean = load_weights(tmp_path / "mean.pt")["model.encoder.conv1.weight"]
    middle = (first.model.encoder.conv1.weight + second.model.encoder.conv1.weight) / 2
    torch.testing.assert_close(mean, middle.detach(), atol=1e-3, rtol=1e-2)
    with pytest.raises(ValueError, match="same shape"):
        average(paths, tmp_path / "none.pt")
    assert not (tmp_path / "none.pt").exists()


def test_label_smoothing_gives_timestamps_nothing_where_a_word_is_wanted() -> None:
    words, smoothing = 20, 0.1
    wanted = torch.tensor([3, words + 7])
    scores = torch.zeros(2, words + TIMESTAMPS, requires_grad=True)
    optimiser = torch.optim.Adam([scores], lr=0.2)
    for _ in range(400):
        optimiser.zero_grad()
        token_loss(scores, wanted, smoothing).backward()
        optimiser.step()
    word, time = scores.detach().softmax(-1)
    assert word[words:].sum() < 0.01
    torch.testing.assert_close(word[:words].sum() - word[3], torch.tensor(smoothing * 19 / 20), atol=3e-3, rtol=0)
    assert time[:words].sum() < 0.01
    assert time[words + 7] > 0.85


def test_without_smoothing_the_token_loss_is_cross_entropy() -> None:
    scores = torch.randn(5, 30 + TIMESTAMPS)
    wanted = torch.tensor([0, 5, 29, 30, 900])
    torch.testing.assert_close(token_loss(scores, wanted, 0.0), torch.nn.functional.cross_entropy(scores, wanted))
