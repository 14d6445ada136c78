"""The bi-attentive LSTM against a naive reading of the paper, row by row."""

import pytest
import torch
from torch import nn

from kdlight.models.biattentive import BiattentiveEncoder, Maxout
from kdlight.types import Batch, Tokens

LENGTHS = [4, 1, 7, 7, 2]


@pytest.fixture
def encoder():
    torch.manual_seed(1)
    return BiattentiveEncoder(nn.Embedding(40, 12), 5, 3, maxout=[8, 6], pieces=3).eval()


def both_ways(lstm, tokens):
    """A bidirectional LSTM over one unpadded text, [seq width] to [seq 2*hidden]."""
    ahead = lstm.forward_lstm(tokens[None])[0][0]
    back = lstm.backward_lstm(tokens.flip(0)[None])[0][0].flip(0)
    return torch.cat([ahead, back], dim=1)


def naive(encoder, first, second):
    """Section 5 of McCann et al. 2017 for one pair of unpadded texts of token ids."""
    x, y = (both_ways(encoder.lstm, encoder.embeddings(ids)) for ids in (first, second))
    parts = []
    for own, other in ((x, y), (y, x)):
        context = torch.stack(
            [sum(w * v for w, v in zip((other @ state).softmax(0), other, strict=True))
             for state in own]
        )  # fmt: skip
        read = both_ways(encoder.integrate, torch.cat([own, own - context, own * context], dim=1))
        weights = encoder.attend(read)[:, 0].softmax(0)
        parts += [read.max(0).values, read.mean(0), read.min(0).values, weights @ read]
    features = torch.cat(parts)
    for layer in encoder.maxout:
        linear, pieces = layer[1].linear, layer[1].pieces
        values = linear.weight @ features + linear.bias
        features = torch.stack([unit.max() for unit in values.split(pieces)])
    return features


def test_a_pair_equals_the_naive_reading(encoder, make_batch):
    batch = make_batch(LENGTHS, pair=True)
    order = torch.tensor([2, 0, 3, 4, 1])  # so that the two texts of a row differ in length
    a, b = batch.texts[0], batch.texts[1]
    b = Tokens(b.input_ids[order], b.lengths[order])
    batch = Batch(batch.task, batch.rows, batch.ids, batch.labels, (a, b))
    found = encoder(batch)
    assert found.shape == (5, encoder.num_features(pair=True)) == (5, 6)
    for row in range(5):
        texts = [t.input_ids[row, : t.lengths[row]] for t in (a, b)]
        torch.testing.assert_close(found[row], naive(encoder, *texts), rtol=1e-4, atol=1e-5)


def test_a_lone_text_attends_to_itself(encoder, make_batch):
    batch = make_batch(LENGTHS)
    found = encoder(batch)
    text = batch.texts[0]
    for row, length in enumerate(LENGTHS):
        ids = text.input_ids[row, :length]
        torch.testing.assert_close(found[row], naive(encoder, ids, ids), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pair", [False, True])
def test_padding_leaks_into_neither_attention_nor_pooling(encoder, make_batch, pair):
    batch = make_batch(LENGTHS, pair=pair)
    texts = []
    for text in batch.texts:
        junk = torch.randint(1, 40, (len(LENGTHS), 5))
        wider = torch.where(text.mask, text.input_ids, 17)
        texts.append(Tokens(torch.cat([wider, junk], dim=1), text.lengths))
    padded = Batch(batch.task, batch.rows, batch.ids, batch.labels, tuple(texts))
    torch.testing.assert_close(encoder(padded), encoder(batch))


def test_every_weight_gets_a_gradient_from_either_kind_of_batch(encoder, make_batch):
    for pair in (False, True):
        encoder.zero_grad()
        encoder(make_batch(LENGTHS, pair=pair)).square().sum().backward()
        # A shift of all attention scores is no change: the bias alone may stay without gradient.
        still = [n for n, p in encoder.named_parameters() if not p.grad.abs().sum() > 0]
        assert still in ([], ["attend.bias"])


def test_maxout_takes_the_largest_piece():
    layer = Maxout(2, 2, pieces=2)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]]))
        layer.linear.bias.zero_()
    assert layer(torch.tensor([[3.0, 5.0]])).tolist() == [[5.0, -3.0]]
