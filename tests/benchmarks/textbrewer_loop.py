"""The same distillation in TextBrewer 0.2.1, as its own examples write it.

A `DataLoader` that shuffles and pads each batch to its longest row; the student is a packed
bidirectional `nn.LSTM` with `torch.optim.Adam`; the teacher runs in `GeneralDistiller`'s step, or
once before the first epoch for `BasicDistiller`'s cache (`is_caching_logits`), which keeps the
batches and their logits in memory.
"""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.data import DataLoader


class PackedBiLSTM(nn.Module):
    """Token ids and mask [batch seq] to logits [batch classes]."""

    def __init__(self, table, hidden, head, classes, dropout):
        super().__init__()
        self.embeddings = nn.Embedding.from_pretrained(table.clone(), freeze=False, padding_idx=0)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(table.shape[1], hidden, batch_first=True, bidirectional=True)
        self.hidden = nn.Linear(2 * hidden, head)
        self.output = nn.Linear(head, classes)

    def forward(self, input_ids, attention_mask):
        embedded = self.dropout(self.embeddings(input_ids))
        lengths = attention_mask.sum(dim=1)
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        _, (states, _) = self.lstm(packed)
        features = torch.cat([states[0], states[1]], dim=1)
        return self.output(self.dropout(torch.relu(self.hidden(features))))


class Classifier(nn.Module):
    """A Hugging Face encoder, the mean over its tokens, and a linear layer."""

    def __init__(self, encoder, classes):
        super().__init__()
        self.encoder, self.output = encoder, nn.Linear(encoder.config.hidden_size, classes)

    def forward(self, input_ids, attention_mask):
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask)[0]
        mask = attention_mask[:, :, None].to(states.dtype)
        return self.output((states * mask).sum(dim=1) / mask.sum(dim=1))


def loader(texts, batch_size):
    """Batches of lists of token ids, shuffled, padded to the longest of the batch."""

    def collate(rows):
        width = max(map(len, rows))
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row)
            mask[number, : len(row)] = 1
        return {"input_ids": ids, "attention_mask": mask}

    return DataLoader(texts, batch_size, shuffle=True, drop_last=True, collate_fn=collate)


def train(teacher, student, batches, epochs, cached, folder, before_step):
    """Trains with TextBrewer; `before_step` is called once a step."""
    from textbrewer import BasicDistiller, DistillationConfig, GeneralDistiller, TrainingConfig

    def of_student(batch, logits):
        del batch
        before_step()
        return {"logits": logits}

    def of_teacher(batch, logits):
        del batch
        return {"logits": logits}

    training = TrainingConfig(device="cpu", output_dir=str(folder))
    about = DistillationConfig(kd_loss_type="mse", is_caching_logits=cached)
    kind = BasicDistiller if cached else GeneralDistiller
    distiller = kind(training, about, teacher, student, of_teacher, of_student)
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
    with distiller:
        distiller.train(optimizer, batches, num_epochs=epochs)
