"""What all tests share: no network, one thread, and builders of small batches and row folders."""

import ipaddress
import os
import socket

import pytest

TEXT = (
    "the cat sat on a mat with big red dog and small bird near old house it was very good bad "
    "film not plain dull bright story told well slow train left early late rain fell"
)
WORDS = TEXT.split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def pytest_configure(config):
    """Settings that must stand before the big libraries are imported."""
    os.environ.update(
        HF_HUB_OFFLINE="1",
        OMP_NUM_THREADS="1",
        WANDB_MODE="offline",
        OMP_WAIT_POLICY="PASSIVE",
        TOKENIZERS_PARALLELISM="false",
    )
    if config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput"):
        return  # this process hands tests out and runs none
    import torch
    from hypothesis import settings

    torch.set_num_threads(1)
    settings.register_profile(
        "kdlight", database=None, deadline=None, derandomize=True, max_examples=100
    )
    settings.load_profile("kdlight")


@pytest.fixture(autouse=True, scope="session")
def _plugins():
    """What the command tells Hydra before it composes."""
    from kdlight.launch.sweep.register import register

    register()


@pytest.fixture(autouse=True, scope="session")
def _no_network():
    """Refuses every connection that leaves this machine."""

    def near(host):
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def guarded(connect):
        def checked(self, address):
            if self.family in (socket.AF_INET, socket.AF_INET6) and not near(address[0]):
                raise PermissionError(f"a test tried to reach {address[0]}")
            return connect(self, address)

        return checked

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, guarded(getattr(socket.socket, name)))
        yield


@pytest.fixture(scope="session")
def bert():
    """A WordPiece tokenizer that joins texts as BERT does."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = "abcdefghijklmnopqrstuvwxyz.,?!"
    pieces = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters), *WORDS]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    raw = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    raw.normalizer = normalizers.BertNormalizer()
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    raw.post_processor = processors.BertProcessing(
        ("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"])
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


@pytest.fixture(scope="session")
def masked_language_model(tmp_path_factory, bert):
    """Folder of a tiny BERT with random weights and a masked-language-model head."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    folder = tmp_path_factory.mktemp("mlm")
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(bert), intermediate_size=16, **shape)
    BertForMaskedLM(config).save_pretrained(folder)
    bert.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def roberta():
    """A byte-level tokenizer that joins texts as RoBERTa does."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    pieces = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    merges = [("t", "h"), ("Ġ", "th"), ("a", "t"), ("Ġth", "e")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    raw = Tokenizer(models.BPE(vocabulary, merges))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.post_processor = processors.RobertaProcessing(
        ("</s>", vocabulary["</s>"]), ("<s>", vocabulary["<s>"]), add_prefix_space=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
        mask_token="<mask>",
    )


@pytest.fixture
def encode(tmp_path, bert):
    """`encode(examples, tokenizer, max_length, task)`: rows through Arrow file and tokenizer."""
    from kdlight.data.encode import encode_rows, load_tokenizer
    from kdlight.data.encoded import EncodedRows
    from kdlight.data.rows import write_rows

    made = []

    def make(examples, tokenizer=bert, max_length=32, task="demo"):
        folder = tmp_path / f"rows{len(made)}"
        tokenizer.save_pretrained(folder)
        write_rows(folder / "rows.arrow", examples)
        pad = tokenizer.pad_token_id
        out = folder / "encoded"
        special = {"pad": pad, "mask": tokenizer.mask_token}
        encode_rows(folder / "rows.arrow", out, load_tokenizer(folder), special, max_length)
        made.append(out)
        return EncodedRows(out, task)

    return make


@pytest.fixture
def sentences():
    """`sentences(n, seed)`: examples of 1 to 20 known words, labels 0 and 1."""
    from random import Random

    from kdlight.types import Example

    def make(count, seed=0, pair=False):
        random = Random(seed)

        def text():
            return " ".join(random.choices(WORDS, k=random.randint(1, 20)))

        return [
            Example(f"train-{i}", text(), text() if pair else None, random.randint(0, 1))
            for i in range(count)
        ]

    return make


@pytest.fixture
def make_batch():
    """`make_batch(lengths, ...)`: random token ids; `texts` and `joint` hold the same rows."""
    import torch

    from kdlight.types import Batch, Tokens

    def tokens(lengths, extra, generator, vocabulary):
        width = max(lengths) + extra
        ids = torch.randint(1, vocabulary, (len(lengths), width), generator=generator)
        lengths = torch.tensor(lengths)
        real = torch.arange(width) < lengths[:, None]
        types = torch.randint(0, 2, ids.shape, generator=generator) * real
        return Tokens(ids * real, lengths, types)

    def make(lengths, task="demo", pair=False, labels=None, extra=0, seed=0, vocabulary=40):
        generator = torch.Generator().manual_seed(seed)
        count = len(lengths)
        texts = [tokens(lengths, extra, generator, vocabulary) for _ in range(1 + pair)]
        labels = torch.zeros(count) if labels is None else torch.tensor(labels)
        numbers = torch.arange(count)
        return Batch(task, numbers, numbers, labels, tuple(texts), texts[0])

    return make
