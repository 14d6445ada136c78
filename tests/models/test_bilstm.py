"""The BiLSTM against PyTorch's packed bidirectional LSTM, and what must not matter to it."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from kdlight.models.bilstm import BiLSTMEncoder
from kdlight.types import Tokens

LENGTHS = [4, 1, 7, 7, 2]


@pytest.fixture
def encoder():
    torch.manual_seed(1)
    return BiLSTMEncoder(nn.Embedding(40, 12), hidden=9).eval()


def packed_reference(encoder):
    """`nn.LSTM(bidirectional=True)` with the encoder's weights."""
    both = nn.LSTM(12, 9, batch_first=True, bidirectional=True)
    ways = (("", encoder.lstm.forward_lstm), ("_reverse", encoder.lstm.backward_lstm))
    weights = {f"{k}{end}": v for end, lstm in ways for k, v in lstm.state_dict().items()}
    both.load_state_dict(weights)
    return both


def test_equals_a_packed_bidirectional_lstm_on_the_same_weights(encoder, make_batch):
    text = make_batch(LENGTHS).texts[0]
    embedded = encoder.embeddings(text.input_ids)
    packed = pack_padded_sequence(embedded, text.lengths, batch_first=True, enforce_sorted=False)
    _, (last, _) = packed_reference(encoder)(packed)
    expected = torch.cat([last[0], last[1]], dim=1)
    torch.testing.assert_close(encoder.encode(text), expected, rtol=1e-5, atol=1e-6)


def test_its_gradients_are_those_of_the_packed_lstm(encoder, make_batch):
    text = make_batch(LENGTHS).texts[0]
    both = packed_reference(encoder)
    encoder.encode(text).square().sum().backward()
    embedded = encoder.embeddings(text.input_ids).detach()
    packed = pack_padded_sequence(embedded, text.lengths, batch_first=True, enforce_sorted=False)
    both(packed)[1][0].square().sum().backward()
    torch.testing.assert_close(encoder.lstm.forward_lstm.weight_hh_l0.grad, both.weight_hh_l0.grad)
    torch.testing.assert_close(
        encoder.lstm.backward_lstm.weight_ih_l0.grad, both.weight_ih_l0_reverse.grad
    )


@pytest.mark.parametrize("length", [1, 6])
def test_without_gradient_one_call_does_it_with_the_same_numbers(encoder, make_batch, length):
    text = make_batch([length] * 3).texts[0]
    embedded = encoder.embeddings(text.input_ids)
    expected, last = encoder.lstm(embedded, text.lengths), encoder.encode(text)
    with torch.no_grad():
        torch.testing.assert_close(encoder.lstm(embedded, text.lengths), expected)
        torch.testing.assert_close(encoder.encode(text), last)


def test_padding_does_not_matter(encoder, make_batch):
    text = make_batch(LENGTHS).texts[0]
    junk = torch.randint(1, 40, (len(LENGTHS), 5))
    wider = torch.where(text.mask, text.input_ids, 17)
    padded = Tokens(torch.cat([wider, junk], dim=1), text.lengths)
    torch.testing.assert_close(encoder.encode(padded), encoder.encode(text))


def test_order_and_company_in_the_batch_do_not_matter(encoder, make_batch):
    text = make_batch(LENGTHS).texts[0]
    whole, order = encoder.encode(text), torch.tensor([3, 1, 0, 4, 2])
    moved = Tokens(text.input_ids[order], text.lengths[order])
    torch.testing.assert_close(encoder.encode(moved), whole[order])
    for row, length in enumerate(LENGTHS):
        alone = Tokens(text.input_ids[row : row + 1, :length], text.lengths[row : row + 1])
        torch.testing.assert_close(encoder.encode(alone), whole[row : row + 1])


def test_both_directions_read_the_whole_text(encoder, make_batch):
    """Changing the first or the last word moves both halves of the features."""
    text = make_batch([6]).texts[0]
    before = encoder.encode(text)[0]
    for place in (0, 5):
        ids = text.input_ids.clone()
        ids[0, place] = ids[0, place] % 39 + 1
        changed = (encoder.encode(Tokens(ids, text.lengths))[0] - before).abs()
        assert changed[:9].max() > 1e-5
        assert changed[9:].max() > 1e-5


def test_an_empty_text_is_refused(encoder, make_batch):
    text = make_batch([3, 2]).texts[0]
    with pytest.raises(ValueError, match="empty text"):
        encoder.encode(Tokens(text.input_ids, torch.tensor([3, 0])))


def test_a_pair_is_u_v_distance_and_product_in_this_order(encoder, make_batch):
    batch = make_batch([3, 5, 2], pair=True)
    u, v = (encoder.encode(text) for text in batch.texts)
    parts = encoder(batch).split(18, dim=1)
    assert encoder(batch).shape[1] == encoder.num_features(pair=True) == 72
    for found, expected in zip(parts, (u, v, (u - v).abs(), u * v), strict=True):
        torch.testing.assert_close(found, expected)


def test_one_text_is_its_last_states(encoder, make_batch):
    batch = make_batch([3, 5])
    torch.testing.assert_close(encoder(batch), encoder.encode(batch.texts[0]))
    assert encoder(batch).shape[1] == encoder.num_features(pair=False) == 18


def test_it_needs_only_the_texts(encoder, make_batch):
    batch = make_batch([3, 5])
    torch.testing.assert_close(encoder(replace(batch, joint=None)), encoder(batch))
    assert encoder.reads == {"texts"}


def test_dropout_acts_in_training_only(make_batch):
    torch.manual_seed(0)
    encoder = BiLSTMEncoder(nn.Embedding(40, 12), hidden=9, dropout=0.5)
    batch = make_batch([6, 6])
    assert not torch.equal(encoder(batch), encoder(batch))
    encoder.eval()
    assert torch.equal(encoder(batch), encoder(batch))
