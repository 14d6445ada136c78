"""The configuration composes, says what it means, and refuses what it does not know."""

import inspect
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import OmegaConf

import kdlight.run  # noqa: F401  (registers the schema)
from kdlight.augmentation.augment import augment
from kdlight.launch.arm import Arm
from kdlight.launch.arms import arms
from kdlight.launch.help import config_folder
from kdlight.launch.plan import Plan
from kdlight.launch.trainer import PLAN_KEYS
from kdlight.measure.parameters import parameters
from kdlight.models.build import build_student
from kdlight.schema import check
from kdlight.types import Example, ModelOutput, Shape, UserError

CONF = config_folder()


def options(group):
    """What can be chosen; `of_<scale>` stands for what a scale chooses."""
    names = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
    return [name for name in names if not name.startswith("of_")]


EXPERIMENTS, SCALES = options("experiment"), options("scale")


@cache
def composed(*overrides, experiment="kd_bilstm"):
    """The plain configuration of a command line."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [f"+experiment={experiment}", *overrides])
    return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)


def own_values(path):
    """What a YAML file says, and the files it is built on."""
    node = OmegaConf.to_container(OmegaConf.load(path))
    values = {}
    for base in node.pop("defaults", []):
        if isinstance(base, str) and not base.startswith("/"):
            values = OmegaConf.merge(values, own_values(path.with_name(f"{base}.yaml")))
    return OmegaConf.to_container(OmegaConf.merge(values, node))


def differences(wanted, found, key=""):
    """Keys of `wanted` that `found` holds otherwise."""
    if not isinstance(wanted, dict):
        return [] if wanted == found else [f"{key}: {wanted!r} became {found!r}"]
    if not isinstance(found, dict):
        return [f"{key} is {found!r}"]
    return [
        line
        for name, value in wanted.items()
        for line in differences(value, found.get(name), f"{key}.{name}".strip("."))
    ]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_what_the_scale_says_survives_every_experiment(experiment, scale):
    config = composed(f"scale={scale}", experiment=experiment)
    check(config)
    chosen = own_values(CONF / f"scale/{scale}.yaml")
    fine = CONF / f"scale/of/{scale}_{experiment}.yaml"
    if fine.exists():
        chosen = OmegaConf.to_container(OmegaConf.merge(chosen, own_values(fine)))
    assert len(chosen) > 1
    assert differences(chosen, config) == []
    # The teacher is that of the scale file, with its epochs where the scale says nothing else.
    defaults = OmegaConf.load(CONF / f"scale/{scale}.yaml").defaults
    teacher = next(d["override /teacher"] for d in defaults if "override /teacher" in d)
    option = own_values(CONF / f"teacher/{teacher}.yaml")
    wanted = OmegaConf.to_container(OmegaConf.merge(option, chosen.get("teacher", {})))
    assert differences(wanted, config["teacher"]) == []
    assert config["name"] == experiment


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_what_the_experiment_says_survives_every_scale(experiment):
    said = own_values(CONF / f"experiment/{experiment}.yaml")
    assert said["experiment_about"]
    for scale in SCALES:
        assert differences(said, composed(f"scale={scale}", experiment=experiment)) == []


def test_the_command_line_beats_both():
    config = composed("scale=smoke", "teacher.max_epochs=77", "trainer.max_epochs=5", "seed=9",
                      "data.max_rows=null", "loss=[hard,soft_kl]", "task=[rte,mrpc]")  # fmt: skip
    assert config["teacher"]["max_epochs"] == 77
    assert (config["trainer"]["max_epochs"], config["seed"]) == (5, 9)
    assert config["data"]["max_rows"] is None
    assert set(config["loss"]) == {"hard", "soft_kl"}
    assert list(config["task"]) == ["rte", "mrpc"]


def test_a_task_has_its_own_cap_on_rows():
    own = ["+task.rte.max_rows=7", "+task.mrpc.eval_rows=3"]
    config = composed("scale=smoke", "data.max_rows=9", "task=[rte,mrpc]", *own)
    plan = Plan(config)
    found = {task: plan.rows(task).config for task in ("rte", "mrpc")}
    assert {task: row["max_rows"] for task, row in found.items()} == {"rte": 7, "mrpc": 9}
    few = {"rte": config["data"]["eval_rows"], "mrpc": 3}
    assert {task: row["eval_rows"] for task, row in found.items()} == few
    held = config["data"]["selection_rows"]
    assert found["rte"]["wanted_train"] == 7 + held


RELATIONS = ("query", "key", "value")


def test_a_scale_weighs_the_parts_of_a_loss_that_is_chosen():
    """Whatever stands beside it; where it is not chosen, nothing of it is left."""

    def losses(*words):
        return composed(*words, experiment="mitkd_zh")["loss"]

    for words in (("scale=lite",), ("scale=lite", "loss=[hidden,relation]")):
        assert losses(*words)["relation"]["weights"] == [0.1, 0.1, 1]
    assert losses("scale=lite", "loss.relation.weights=[1,1,1]")["relation"]["weights"] == [1] * 3
    assert set(losses("scale=lite", "loss=[hidden]")) == {"hidden"}
    assert losses("scale=paper")["relation"]["weights"] == [1, 1, 1]


@pytest.mark.parametrize("option", options("loss"))
def test_every_loss(option, make_batch):
    term = instantiate(composed(f"loss=[{option}]")["loss"][option])
    assert term.weight > 0
    if hasattr(term, "bind"):
        term.bind(Shape(2, 6, 1), Shape(4, 6, 1))
    student = ModelOutput(
        logits=torch.randn(4, 3, requires_grad=True),
        hidden_states=tuple(torch.randn(4, 1, 6, requires_grad=True) for _ in range(3)),
        attentions=tuple(torch.rand(4, 1, 1, 1, requires_grad=True) for _ in range(2)),
        relations={kind: torch.randn(4, 2, 6, requires_grad=True) for kind in RELATIONS},
        words=torch.randn(4, 9, requires_grad=True),
    )
    teacher = ModelOutput(
        torch.randn(4, 3),
        tuple(torch.randn(5, 4, 1, 6)),
        tuple(torch.rand(4, 4, 1, 1, 1)),
        {kind: torch.randn(4, 2, 6) for kind in RELATIONS},
        torch.randn(4, 9),
    )
    tokens = 2 if "relations" in term.needs else 1
    batch = replace(make_batch([tokens] * 4), words=torch.arange(4))
    value = term(student, teacher, batch)
    value.backward()
    assert value.shape == ()
    parts = [student.part(name) for name in term.needs or {"logits"}]
    parts = [part.values() if isinstance(part, dict) else part for part in parts]
    inputs = [t for part in parts for t in ([part] if isinstance(part, torch.Tensor) else part)]
    assert sum(float(t.grad.abs().sum()) for t in inputs if t.grad is not None) > 0


def swept(option):
    """What a sweep file sweeps, by key."""
    raw = yaml.safe_load((config_folder() / f"sweep/{option}.yaml").read_text())
    return raw.get("hydra", {}).get("sweeper", {}).get("params", {})


@pytest.mark.parametrize("option", [name for name in options("sweep") if swept(name)])
def test_every_sweep_of_jobs(option):
    """Each of its values composes and can be planned."""
    shared = option in ("mixing", "transformer_depths")
    experiment = "mkd_transformer3" if shared else "kd_bilstm"
    words = [f"{key}={value}" for key, value in swept(option).items()]
    parsed = OverridesParser.create().parse_overrides(words)
    firsts, count = [], 1
    for override in parsed:
        value = override.value()
        if isinstance(value, IntervalSweep):
            values = [str(value.start), str(value.end)]
        elif override.is_sweep_override():
            values = list(override.sweep_string_iterator())
        else:
            values = [override.input_line.split("=", 1)[1]]
        count *= len(values)
        for each in values:
            words = [*firsts, f"{override.key_or_group}={each}"]
            config = composed("scale=smoke", *words, experiment=experiment)
            config = {**config, "variants": {}, "augmentation": config["augmentation"] or {}}
            check(config)
            assert Arm(Plan(config), "student", arms(config)["student"]).students()
        firsts.append(f"{override.key_or_group}={values[0]}")
    assert count > 1


# An LSTM starts from no layers, a Transformer from no table alone.
OTHERS = [("mkd_start", "mkd_lstm"), ("mkd_embeddings", "mkd_transformer3")]
ARMS = [
    (option, experiment)
    for option in options("sweep")
    if not swept(option)
    for experiment in ("kd_bilstm", "mkd_transformer3", "mkd_lstm", "mitkd", "mitkd_zh")
    if experiment.startswith(option[:3].replace("bil", "kd_"))
    and (option, experiment) not in OTHERS
]


@pytest.mark.parametrize(("option", "experiment"), ARMS)
@pytest.mark.parametrize("scale", ["smoke", "demo"])
def test_every_sweep(option, experiment, scale):
    """Each arm is another student than the rest, and all of them can be planned."""
    # At scale=smoke an LSTM starts from random embeddings anyway.
    start = ["student/embeddings=teacher"] if option == "mkd_embeddings" else []
    config = composed(f"scale={scale}", f"+sweep={option}", *start, experiment=experiment)
    for group in ("augmentation", "variants"):
        config[group] = config[group] or {}
    check(config)
    found, plan = arms(config), Plan(config)
    assert set(config["variants"]) & set(found) or option == "mkd_leave_one_out"
    names = set()
    for name, parts in found.items():
        assert all(instantiate(term).weight > 0 for term in parts["loss"].values())
        students = Arm(plan, name, parts).students()
        names.add(frozenset(node.fingerprint for node in students.values()))
    assert len(names) == len(found) > 2


@pytest.mark.parametrize("option", options("mixing"))
def test_every_mixing(option):
    shares = instantiate(composed(f"mixing={option}")["mixing"])({"a": 30, "b": 10}, 0)
    assert set(shares) == {"a", "b"}
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize("schedule", options("schedule"))
@pytest.mark.parametrize("option", options("optimizer"))
def test_every_optimizer_and_schedule(option, schedule):
    config = composed(f"optimizer={option}", f"schedule={schedule}")
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = instantiate(config["optimizer"])([parameter])
    made = instantiate(config["schedule"])(optimizer, 10)
    parameter.sum().backward()
    optimizer.step()
    made.step()
    assert (parameter < 1).all()
    assert optimizer.param_groups[0]["initial_lr"] == config["optimizer"]["lr"] > 0


@pytest.mark.parametrize("option", options("augmentation"))
def test_every_augmentation(option, masked_language_model):
    node = {**composed(f"augmentation=[{option}]")["augmentation"][option], "probability": 0.5}
    if "pretrained" in node:
        node["pretrained"] = str(masked_language_model)
    rows = [Example("1", "the old dog saw a cat"), Example("2", "a cat and a bird sat")]
    made = list(augment(lambda: iter(rows), {option: instantiate(node)}, 20, 0))
    assert {row.parent for row in made} == {"1", "2"}
    assert {row.source for row in made} == {option}


def reads_embeddings(student):
    bases = OmegaConf.load(CONF / f"student/{student}.yaml").get("defaults", [])
    return any("embeddings" in base for base in bases)


READERS = [name for name in options("student") if reads_embeddings(name)]
TRANSFORMERS = [name for name in options("student") if name not in READERS]
OUTPUTS = {"single": (3, False), "pair": (1, True)}


def check_outputs(model, make_batch):
    for task, (classes, pair) in OUTPUTS.items():
        logits = model(make_batch([3, 1], task=task, pair=pair)).logits
        assert logits.shape == (2, classes)


@pytest.mark.parametrize("embeddings", options("student/embeddings"))
@pytest.mark.parametrize("option", READERS)
def test_every_student(option, embeddings, make_batch):
    config = composed(f"student={option}", f"student/embeddings={embeddings}", experiment="custom")
    model = build_student(config["student"], OUTPUTS, 40, 0, torch.randn(40, 12))
    own = config["student"]["embeddings"]
    assert model.encoder.embeddings.embedding_dim == (
        own["dim"] if own["start"] == "random" else 12
    )
    check_outputs(model, make_batch)


@pytest.mark.parametrize("option", TRANSFORMERS)
def test_every_transformer(option, make_batch):
    """The planner fills in what its YAML leaves to the teacher's shape."""
    student = composed(f"student={option}", "teacher.shape.num_hidden_layers=12")["student"]
    shape = {**composed()["teacher"]["shape"], **student["encoder"]["shape"]}
    student["encoder"] |= {"shape": shape, "pooling": "mean"}
    model = build_student(student, OUTPUTS, 40, 0)
    assert model.shape.layers == student["encoder"]["shape"]["num_hidden_layers"]
    check_outputs(model, make_batch)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("student", READERS)
def test_what_a_student_reads_depends_on_the_scale_and_can_be_chosen(student, scale):
    own = composed(f"student={student}", f"scale={scale}")["student"]
    starts = {"lite": "teacher", "paper": "vectors"}
    if student == "biattentive":
        starts["demo"] = "teacher"
    assert own["embeddings"]["start"] == starts.get(scale, "random")
    assert bool(own["tokenizer"]) == (scale == "paper")
    chosen = composed(f"student={student}", f"scale={scale}", "student/embeddings=pretrained",
                      "student/tokenizer=pieces")["student"]  # fmt: skip
    assert chosen["embeddings"]["start"] == "pretrained"
    assert not chosen["tokenizer"]


PAPER = {"sst2": 963_002, "mnli": 1_143_203, "qqp": 2_645_402, "cola": 1_686_002}


@pytest.mark.parametrize("option", options("paper"))
def test_every_size_of_the_paper(option):
    """Known numbers of parameters; the arithmetic with two bias vectors an LSTM for the others."""
    config = composed("scale=paper", f"+paper={option}")
    check(config)
    (task,) = config["task"].values()
    assert task["name"] == option
    outputs = {option: (len(task["labels"]) or 1, task["pair"])}
    model = build_student(config["student"], outputs, 40, 0, torch.randn(40, 300))
    width, classes = model.encoder.embeddings.embedding_dim, outputs[option][0]
    hidden, connected = (config["student"][part]["hidden"] for part in ("encoder", "head"))
    features = (8 if task["pair"] else 2) * hidden
    expected = 2 * (4 * hidden * (width + hidden) + 2 * 4 * hidden)
    expected += features * connected + connected + connected * classes + classes
    assert parameters(model)["params_without_embeddings"] == PAPER.get(option, expected) == expected


def test_the_paper_scale_is_the_papers_recipe():
    config = composed("scale=paper", "+paper=qqp")
    student, optimizer = config["student"], config["optimizer"]
    assert student["embeddings"]["start"] == "vectors"
    assert student["embeddings"]["mode"] == "multichannel"
    assert student["tokenizer"]["_target_"].endswith("word_tokenizer")
    assert (optimizer["lr"], optimizer["rho"]) == (1.0, 0.95)
    assert instantiate(optimizer)([torch.nn.Parameter(torch.ones(1))]).defaults["rho"] == 0.95
    assert (config["data"]["batch_size"], config["augmentation"]["n_iter"]) == (256, 10)
    assert (config["trainer"]["max_epochs"], student["encoder"]["hidden"]) == (30, 300)
    teacher = config["teacher"]
    assert (teacher["max_epochs"], teacher["batch_size"], config["data"]["max_length"]) == (
        3,
        32,
        128,
    )
    assert teacher["schedule"]["warmup"] == 0.1
    assert composed("scale=paper")["data"]["batch_size"] == 50


@pytest.mark.parametrize("option", options("student/tokenizer"))
@pytest.mark.parametrize("student", READERS)
def test_every_tokenizer_of_a_student(student, option, bert):
    config = composed(f"student={student}", f"student/tokenizer={option}", experiment="custom")
    node = config["student"]["tokenizer"]
    if option == "pieces":
        assert not node
        return
    tokenizer = instantiate(node)(["a cat sat", "a mat"], bert.backend_tokenizer)
    assert tokenizer.token_to_id("[PAD]") is not None
    assert tokenizer.encode("a [MASK] sat").tokens == ["a", "[MASK]", "sat"]


@pytest.mark.parametrize("option", options("teacher"))
def test_every_teacher(option):
    config = composed(f"teacher={option}", "teacher.pretrained=folder")["teacher"]
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = instantiate(config["optimizer"])([parameter])
    assert optimizer.param_groups[0]["lr"] == config["optimizer"]["lr"]
    assert instantiate(config["schedule"])(optimizer, 10).get_last_lr()[0] > 0
    assert instantiate(config["head"])(8, 3)(torch.zeros(2, 8)).shape == (2, 3)
    assert config["pooling"] in ("cls", "mean", "pooler")


@pytest.mark.parametrize("option", options("trainer"))
def test_every_trainer_key_is_one_of_lightning(option):
    from lightning import Trainer

    config = composed(f"trainer={option}")["trainer"]
    ours = {*PLAN_KEYS, "checkpoint_seconds", "threads", "on_every_node"}
    assert ours <= set(config)
    assert set(config) - ours <= set(inspect.signature(Trainer).parameters)


@pytest.mark.parametrize("option", options("method"))
def test_every_method(option):
    method = composed(f"method={option}")["method"]
    assert method["learns_from"] in ("teacher", "gold", "text")
    assert isinstance(method["joint"], bool)
    accepted = inspect.signature(instantiate(method["module"]).func).parameters
    assert {"losses", "teacher"} <= set(accepted) or method["learns_from"] == "gold"


@pytest.mark.parametrize(
    "override",
    ["teacher.sed=1", "data.sorce=hub", "nonsense=1", "loss.logit_mse.wieght=2", "seed=abc",
     "baseline=perhaps", "data.max_rows=many", "scale=demos", "task=[sst3]"],
)  # fmt: skip
def test_unknown_keys_options_and_wrong_types_are_refused(override):
    with pytest.raises(HydraException):
        composed(override)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"job": "trian"}, ["job=trian", "run, teacher"]),
        ({"job": "student_"}, ["did you mean student?"]),
        ({"data": {"source": "embeded"}}, ["data.source=embeded", "did you mean embedded?"]),
        ({"data": {"source": "files"}}, ["data.root=DIR"]),
        ({"data": {"eval_split": "train"}}, ["data.eval_split=held_out"]),
        ({"task": {"_target_": "x", "labels": []}}, ["without its name", "`NAME:`"]),
        ({"selection": "test"}, ["selection=test", "train_split, dev"]),
        ({"teacher": {"floor": "off"}}, ["teacher.floor=off", "error, warn"]),
        ({"task": {"sst": {"folder": "X"}}}, ["task.sst (folder)", "_target_", "mean sst2?"]),
        ({"student": {"embeddings": {"mode": "statik"}}}, ["mode=statik", "mean static or"]),
        ({"student": {"embeddings": {"start": "file"}}}, ["embeddings.start=file", "vectors"]),
        ({"loss": {"soft": {"weight": 2}}}, ["loss.soft (weight)", "'loss=[soft]'"]),
        ({"augmentation": {"maks": {"probability": 1}}}, ["augmentation.maks", "mean mask?"]),
        ({"trainer": {"devices": 3}}, ["data.batch_size=64", "the 3 devices"]),
        ({"trainer": {"num_nodes": 2}}, ["trainer.on_every_node='srun --ntasks-per-node=1'"]),
        ({"trainer": {"devices": 3}, "data": {"batch_size": 66}}, ["teacher.batch_size=64"]),
    ],
)
def test_what_single_types_cannot_check(changes, words):
    config = OmegaConf.to_container(OmegaConf.merge(composed(), changes))
    with pytest.raises(UserError) as refused:
        check(config)
    for word in words:
        assert word in str(refused.value)


def test_no_task_is_refused():
    with pytest.raises(UserError, match="No task"):
        check({**composed(), "task": {}})


def test_the_folder_of_the_configuration_is_the_one_of_the_checkout():
    assert Path(__file__).parents[1] / "conf" == CONF


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("student", ["bilstm", "biattentive", "transformer3", "transformer6"])
def test_a_student_has_its_rate_in_every_experiment_for_the_optimizer_it_is_of(student, scale):
    words = [f"scale={scale}", f"student={student}"]
    own = {"lr": None}
    path = CONF / f"scale/rate/{scale}_adamw_{student}.yaml"
    if path.exists():
        own = OmegaConf.load(path)
        own = own if "optimizer" in own else OmegaConf.load(path.with_stem(own.defaults[0]))
        own = own.optimizer
    for experiment in ("kd_bilstm", "mkd_lstm"):
        adamw = composed(*words, "optimizer=adamw", experiment=experiment)["optimizer"]
        assert own["lr"] in (None, adamw["lr"])
        adadelta = composed(*words, "optimizer=adadelta", experiment=experiment)["optimizer"]
        assert adadelta["lr"] == 1.0
