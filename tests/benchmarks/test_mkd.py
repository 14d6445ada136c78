"""The step of both MKD students with all tasks mixed, by `job=benchmark` as a user types it."""

import pytest
from commands import call, results

pytestmark = pytest.mark.benchmark
WIDE = "+student.encoder.shape"
STUDENTS = {
    "mkd_lstm": [
        "student.encoder.hidden=128",
        "student.encoder.integration=128",
        "student.encoder.maxout=[256,128]",
        "student.embeddings.dim=384",
    ],
    "mkd_transformer3": [
        "student.start.from=random",
        f"{WIDE}.hidden_size=384",
        f"{WIDE}.num_attention_heads=12",
        f"{WIDE}.intermediate_size=1536",
    ],
}
TASKS = "task=[sst2,mrpc,stsb,mnli,cola]"


@pytest.mark.parametrize("experiment", STUDENTS)
def test_a_step_of_mixed_tasks_costs_what_the_bare_loop_costs(experiment, tmp_path, monkeypatch):
    rows = ["data.max_rows=2000", "data.unlabelled_rows=2000", "data.batch_size=32"]
    words = [f"+experiment={experiment}", "scale=smoke", "job=benchmark", "trainer.threads=1"]
    options = [*words, TASKS, *rows, "data.max_length=64", *STUDENTS[experiment]]
    assert call(tmp_path, monkeypatch, *options) == 0
    (found,) = results(tmp_path)
    (measured,) = found["benchmark"].values()
    step, padding = measured["step"], measured["padding"]
    print(f"\n  {experiment}: step {step['ratio']:.3f} of the bare loop, {padding} of tokens real")
    assert step["ratio"] <= 1.05
    assert min(padding.values()) >= 0.95
