"""The same student and its training step in plain PyTorch, as fast as we know how to write it.

Imports nothing of kdlight. Batches are ready and sorted by length, padded instead of packed, both
directions are one-way LSTMs, the table gets sparse gradients and `SparseAdam`, all else the fused
`AdamW`.
"""

import torch
from torch import nn


class ReferenceBiLSTM(nn.Module):
    """Token ids [batch seq] and lengths [batch] to logits [batch classes]."""

    def __init__(self, table, hidden, head, classes, dropout):
        super().__init__()
        self.embeddings = nn.Embedding.from_pretrained(
            table.clone(), freeze=False, padding_idx=0, sparse=True
        )
        self.dropout = nn.Dropout(dropout)
        self.ahead = nn.LSTM(table.shape[1], hidden, batch_first=True)
        self.back = nn.LSTM(table.shape[1], hidden, batch_first=True)
        self.hidden = nn.Linear(2 * hidden, head)
        self.output = nn.Linear(head, classes)

    def forward(self, ids, lengths):
        embedded = self.dropout(self.embeddings(ids))
        if bool((lengths == ids.shape[1]).all()):
            ahead, back = self.ahead(embedded)[0][:, -1], self.back(embedded.flip(1))[0][:, -1]
        else:
            places, last = torch.arange(ids.shape[1])[None, :], lengths[:, None] - 1
            order = torch.where(places <= last, last - places, places)
            order = (order + torch.arange(len(ids))[:, None] * ids.shape[1]).flatten()
            flipped = embedded.flatten(0, 1).index_select(0, order).view_as(embedded)
            rows = torch.arange(len(ids))
            ahead = self.ahead(embedded)[0][rows, last[:, 0]]
            back = self.back(flipped)[0][rows, last[:, 0]]
        features = torch.cat([ahead, back], dim=1)
        return self.output(self.dropout(torch.relu(self.hidden(features))))


def training(model, batches, block, rate=1e-3):
    """Steps over (ids, lengths, teacher's logits); yields after each `block` of them."""
    table = model.embeddings.weight
    rest = [p for p in model.parameters() if p is not table]
    optimizers = [
        torch.optim.SparseAdam([table], lr=rate),
        torch.optim.AdamW(rest, lr=rate, weight_decay=0.0, fused=True),
    ]
    model.train()
    for number, (ids, lengths, target) in enumerate(batches, start=1):
        for optimizer in optimizers:
            optimizer.zero_grad()
        (model(ids, lengths) - target).square().sum(dim=1).mean().backward()
        for optimizer in optimizers:
            optimizer.step()
        if number % block == 0:
            yield


@torch.inference_mode()
def forward(model, batches, block):
    """A Hugging Face encoder over (ids, mask); yields after each `block` of batches."""
    for number, (ids, mask) in enumerate(batches, start=1):
        model(input_ids=ids, attention_mask=mask)
        if number % block == 0:
            yield
