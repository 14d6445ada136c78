"""Multi-task distillation: one student learns from the teacher of every task (MKD).

Liu et al. 2019, arXiv 1911.03588, and Liu 2020, part 2: the batches of all tasks are mixed, each
holds rows of one task, and the student's head of that task is to give the teacher's logits.
"""

from kdlight.methods.distill import Distill


class MKD(Distill):
    """`Distill` on the mixed batches of several tasks, which `task_weights` may weigh."""
