"""What a user gets wrong ends in one sentence that says how to mend it."""

import json
import re

import pytest
import torch
from commands import SMOKE
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

TEXT = ["a", "good", "film", "with", "a", "bad", "end"]


@pytest.fixture
def said(command, capfd):
    """Runs a command that must fail as a user's mistake; what it said."""

    def run(*overrides, status=2):
        capfd.readouterr()
        assert command(*overrides) == status
        text = capfd.readouterr().err
        assert "Traceback" not in text
        return text

    return run


def files(folder, train, dev='{"text_a": "fine", "label": 1}\n'):
    place = folder / "data/SST-2"
    place.mkdir(parents=True)
    for name, content in (("train", train), ("dev", dev)):
        raw = content if isinstance(content, bytes) else content.encode()
        (place / f"{name}.jsonl").write_bytes(raw)
    return ["data.source=files", "data.root=data", "teacher.floor=warn"]


def rows(count=40):
    lines = [{"text_a": f"{TEXT[i % 7]} {TEXT[(3 * i) % 7]}", "label": i % 2} for i in range(count)]
    return "".join(json.dumps(line) + "\n" for line in lines)


@pytest.mark.parametrize(
    ("override", "hint"),
    [("sede=1", "seed"), ("student=bilstn", "bilstm"), ("data.max_row=3", "data.max_rows")],
)
def test_a_misspelt_override_names_the_nearest(said, override, hint):
    text = said(*SMOKE, override, status=1)
    assert f"did you mean {hint}" in text or f" or {hint}" in text


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        (rows() + '{"text_a": "odd", "label": 7}\n', ["train.jsonl", "41", "7", "negative"]),
        (
            rows() + '{"phrase": "odd", "label": 1}\n',
            ["train.jsonl", "41", "text_a is missing", "phrase"],
        ),
        (rows() + '{"text_a": "  ", "label": 1}\n', ["train.jsonl", "41", "empty"]),
        (rows().encode() + b'{"text_a": "\xff", "label": 1}\n', ["train.jsonl", "41", "UTF-8"]),
        (rows() + '{"text_a": "cut', ["train.jsonl", "41"]),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(said, tmp_path, train, expected):
    text = said(*SMOKE, *files(tmp_path, train))
    assert all(word in text for word in expected), text


def test_good_files_run(command, tmp_path):
    overrides = files(tmp_path, rows(), rows(20).replace("good", "fine"))
    assert command(*SMOKE, *overrides, "baseline=false") == 0
    (run,) = tmp_path.glob("outputs/runs/*/*")
    assert len((run / "predictions/sst2.jsonl").read_text().splitlines()) == 20


def test_a_teacher_below_its_floor_is_refused(said):
    text = said(*SMOKE, "teacher.floor=error", "teacher.optimizer.lr=0")
    assert "no better than the commonest answer" in text
    assert "teacher.max_epochs" in text
    assert "teacher.floor=warn" in text


def save_classifier(folder, labels):
    letters = [chr(number) for number in range(97, 123)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *letters, *(f"##{letter}" for letter in letters)]
    BertTokenizer(vocab={p: n for n, p in enumerate(pieces)}).save_pretrained(folder)
    shape = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(
        vocab_size=len(pieces), num_hidden_layers=1, id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)}, **shape,
    )  # fmt: skip
    torch.manual_seed(0)
    model = BertForSequenceClassification(config).eval()
    model.save_pretrained(folder)
    return model


CLASSIFIER = ["teacher=pretrained", "teacher.pretrained=model", "teacher.pooling=pooler"]
AS_IS = [*SMOKE, *CLASSIFIER, "teacher.max_epochs=0"]


def test_a_teacher_with_its_labels_in_another_order_is_refused(said, tmp_path):
    save_classifier(tmp_path / "model", ["Positive", "Negative"])
    text = said(*AS_IS)
    assert "orders its classes ['Positive', 'Negative']" in text
    assert "teacher.keep_head=false" in text
    assert "task.sst2.labels=[Positive,Negative]" in text


def test_a_fine_tuned_classifier_is_taken_with_its_head(command, tmp_path):
    model = save_classifier(tmp_path / "model", ["negative", "positive"])
    assert command(*AS_IS, "teacher.floor=warn") == 0
    (run,) = tmp_path.glob("outputs/runs/*/*")
    lines = (run / "predictions/sst2.jsonl").read_text().splitlines()
    predictions = [json.loads(line) for line in lines]
    tokenizer = BertTokenizer.from_pretrained(tmp_path / "model")
    (rows_file,) = tmp_path.glob("outputs/artifacts/task_rows/*/eval.arrow")
    from kdlight.data.rows import read_rows

    for row, prediction in zip(list(read_rows(rows_file))[:5], predictions, strict=False):
        inputs = tokenizer(row.text_a, truncation=True, max_length=32, return_tensors="pt")
        with torch.no_grad():
            logits = model(**inputs).logits[0]
        assert prediction["id"] == row.id
        assert prediction["teacher"] == pytest.approx(logits.tolist(), abs=1e-4)


def test_an_unreachable_hub_names_the_ways_round_it(said):
    text = said(*SMOKE, "teacher=pretrained", "teacher.pretrained=nobody/nothing")
    assert "teacher.pretrained=nobody/nothing" in text
    assert "scale=demo" in text
    text = said(*SMOKE, "data.source=hub")
    assert "data.source=files" in text
    assert "data.source=embedded" in text


def test_a_loss_that_is_not_a_number_stops_the_run(said):
    text = said(*SMOKE, "optimizer.lr=1e30", "baseline=false")
    assert "The loss of task sst2 is" in text
    assert re.search(r"rows (train|unlabelled)-\d+", text)
    assert "lower the learning rate" in text


def test_a_loss_that_the_store_cannot_feed_is_refused(said):
    loss = "loss.logit_mse._target_=needy.Needy"
    text = said(*SMOKE, loss)
    assert "Loss logit_mse needs hidden_states of the teacher" in text
    assert "teacher.source=live" in text


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("task=[]", "No task is chosen"),
        ("data.source=file", "did you mean files"),
        ("job=evaluation", "did you mean evaluate"),
        ("teacher.store_precision=bf16", "did you mean bf16-true"),
        ("+task.rte.folder=RTE", "'task=[rte]'"),
        ("data.source=files", "data.root=DIR"),
        ("'loss=[]'", "No loss is chosen"),
        ("loss.logit_mse.weight=-1", "loss.logit_mse.weight=-1"),
        ("task=[trec]", "trec has no embedded rows"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_sentence(said, override, expected):
    assert expected in said(*SMOKE, override.strip("'"))


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["task.sst2.metrics=[f2]"], "metric 'f2' is unknown"),
        (["trainer.devices=0"], "trainer.devices=0 must be a whole number"),
        (["trainer.devices=auto"], "trainer.devices=auto must be a whole number"),
        (["+trainer.accumulate_grad_batches=2"], "lower data.batch_size"),
        (["data.max_rows=null"], "data.max_rows="),
        (["data.selection_rows=0"], "selection=dev"),
        (["teacher.max_epochs=0"], "brings no head"),
        (["loss.logit_mse.wait=2"], "loss.logit_mse.wait"),
        (["+loss.logit_mse.wait=2"], "wait"),
        (["+trainer.nonsense=1"], "nonsense"),
        (["+trainer.max_step=1"], "did you mean max_steps"),
        (["method.learns_from=golf"], "did you mean gold"),
        (["+variants.x.method.learns_from=golf"], "variants.x: method.learns_from=golf"),
        (["+variants.x.trainer.max_epochs=0"], "variants.x: trainer.max_epochs=0"),
        (["+variants.x.teacher.jonit=false"], "did you mean joint"),
        (["teacher.joint=true", "teacher.refine={max_epoch: 1}"], "did you mean max_epochs"),
        (["teacher.joint=true", "teacher.refine=1"], "teacher.refine=1 must be a node"),
        (["+method.refine={max_steps: 5}"], "method.refine.max_steps: an arm has"),
        (["+method.refine={trainer: {max_steps: 0}}"], "method.refine: trainer.max_steps=0"),
        (["loss=[masked_words]"], "Loss masked_words is about words"),
        (["teacher.shape.num_hidden_layers=0"], "num_hidden_layers=0 must be"),
        (["+method.refine=5"], "method.refine=5 must map"),
        (["trainer.precision=bf16"], "trainer.precision=bf16 is not one of auto, 32-true"),
        (["data.corpus=a.txt"], "A list stands in brackets: 'data.corpus=[ONE,TWO]'"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(command, capfd, overrides, expected):
    capfd.readouterr()
    assert command(*SMOKE, *overrides) in (1, 2)
    said = capfd.readouterr().err
    assert expected in said
    assert "Traceback" not in said
