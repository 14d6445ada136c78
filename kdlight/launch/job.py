"""One job from configuration to result: plan, do, gather."""

import json
import logging
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from kdlight.artifacts.place import write_whole
from kdlight.launch import gather, result
from kdlight.launch.arm import Arm
from kdlight.launch.arms import arms, distinct
from kdlight.launch.benchmark import benchmark_node
from kdlight.launch.checked_arms import check_arms
from kdlight.launch.checks import check_teacher_floor
from kdlight.launch.environment import hardware
from kdlight.launch.execute import Executor
from kdlight.launch.graph import Node, bodies, titles, with_members
from kdlight.launch.plan import Plan
from kdlight.launch.pretrained import warn_unused
from kdlight.launch.processes import Helpers, processes
from kdlight.launch.ranks import Ranks
from kdlight.launch.reach import warn_unseen
from kdlight.launch.teachers import Group
from kdlight.launch.times import precisions, training
from kdlight.launch.trainer import runtime
from kdlight.launch.wandb_runs import WandbRuns
from kdlight.measure.channel import channel
from kdlight.report.curves import draw_curves
from kdlight.types import UserError

log = logging.getLogger("kdlight")
Networks = dict[str, dict[Group, Node]]
STUDENT_JOBS = ("run", "student", "evaluate", "benchmark")
UNSCORED = ("teacher_outputs", "student", "benchmark")


class Job:
    """Plans a job's artifacts, builds the missing ones, and writes `result.json`.

    Args:
        config: the resolved configuration, plain containers only.
        folder: the run folder, `outputs/runs/<experiment>/<date_time>`.
        helps: whether another process does the job, and this one only builds for it.
    """

    def __init__(self, config: Mapping[str, Any], folder: Path, helps: bool = False) -> None:
        self.config, self.folder, self.helps = config, folder, helps
        warn_unused(config["teacher"])
        self.plan = Plan(config)
        chosen = distinct(arms(config))
        check_arms(config, chosen)
        self.arms = {name: Arm(self.plan, name, parts) for name, parts in chosen.items()}
        self.main = self.arms["student"]
        if self.main.on_text:
            warn_unseen(config["data"])
        self.taught_by: dict[str, str] = {}  # an arm's teacher among the networks; "": not scored
        self.wandb = WandbRuns(config, folder)
        trainer = config["trainer"]
        ranks = Ranks(trainer["devices"], trainer["num_nodes"], trainer["on_every_node"])
        root = Path(config["outputs"]) / "artifacts"
        self.checked: set[str] = set()  # teachers whose score was held against their floor
        self.processes = processes(config)
        self.executor = Executor(root.absolute(), ranks, self.wandb.for_node, self.processes)

    def plan_all(self) -> list[Node]:
        """Plans every network of the job, so that what would be refused is refused now.

        Returns:
            What scores them; the fingerprints cover all that the job's result rests on.
        """
        alone = self.config["job"] == "teacher"
        found = [] if alone else [arm.students() for arm in self.arms.values()]
        found += [arm.teachers.nodes() for arm in self._taught(self.arms).values()]
        return [self.plan.evaluate(node, g, {}) for nodes in found for g, node in nodes.items()]

    def run(self) -> dict[str, Any]:
        """Does the job; returns the result that was written, nothing where it helps."""
        kind = self.config["job"]
        if self.main.on_text and kind in ("transfer_set", "teacher_outputs", "benchmark"):
            raise UserError(
                f"job={kind} is about text that a teacher labels; this student learns from plain "
                "text with the teacher at its side. Use job=run, teacher or student."
            )
        if kind == "transfer_set":
            self.executor.do([self.main.text(task) for task in self.plan.tasks])
            return self._write({}, {}, {})
        # Planned before the teacher is trained, so that what is refused is refused at once.
        chosen = self.arms if kind in STUDENT_JOBS else {}
        students: Networks = {name: arm.students() for name, arm in chosen.items()}
        channel().tell(students=len(students.get("student", ())))
        self._try_out(chosen, students)
        # A task without rows is found before a teacher of another is trained.
        self.executor.do([self.plan.rows(task) for task in self.plan.tasks])
        # So is text that nothing can be learnt from.
        self.executor.do([arm.corpus for arm in chosen.values() if arm.on_text])
        with Helpers(self.config, self.folder, 0 if self.helps else self.processes - 1) as helpers:
            networks = self._networks(chosen, students)
            evaluations = self._evaluations(networks) if kind not in UNSCORED else {}
            nodes = [node for by_group in networks.values() for node in by_group.values()]
            self.executor.do([*nodes, *(node for found in evaluations.values() for node in found)])
            helpers.finish()
        if self.helps:
            return {}
        return self._write(networks, evaluations, self._speeds(networks, students))

    def _networks(self, chosen: Mapping[str, Arm], students: Networks) -> Networks:
        """What the result is about; of these the teachers are built."""
        teachers = self._teachers(chosen, students)
        if self.config["job"] == "teacher_outputs":
            self.executor.do([self.main.outputs(task) for task in self.plan.tasks])
        return {} if self.config["job"] == "benchmark" else teachers | students

    def _evaluations(self, networks: Networks) -> dict[str, list[Node]]:
        about = runtime(self.config["trainer"])
        return {
            name: [self.plan.evaluate(node, group, about) for group, node in by_group.items()]
            for name, by_group in networks.items()
            if by_group
        }

    def _speeds(self, networks: Networks, students: Networks) -> dict[Group, Node]:
        """What measures the students' speed, where that is asked for."""
        scored = students.get("student", {})
        if self.config["job"] == "benchmark":
            return {g: benchmark_node(self.main, g, n, hardware()) for g, n in scored.items()}
        if self.config["job"] in UNSCORED or not scored or "teacher" not in networks:
            return {}
        alike = list(scored)[: 1 if self.main.on_text else None]  # all of one shape
        return {g: self.main.latency(g, scored[g], hardware()) for g in alike}

    def _try_out(self, chosen: Mapping[str, Arm], students: Networks) -> None:
        """Refuses settings of a student that is to be built, before a teacher is trained."""
        nodes = [node for by_group in students.values() for node in by_group.values()]
        if not (self.helps or all(self._folder(node).is_dir() for node in nodes)):
            from kdlight.launch.trial import try_out

            try_out(chosen, students)

    def _teachers(self, chosen: Mapping[str, Arm], students: Networks) -> Networks:
        """The teachers of the arms, `teacher` first, each built and above its floor.

        Teachers of a variant that are not those of the first arm are called `<variant>_teacher`.
        While another command builds one, others are built, and students that rest on none of them.
        """
        taught = self._taught(chosen)
        if self.config["job"] == "student" and self.main.on_text:
            taught = {}  # no score wants their refinement
        alone = [students[name] for name, arm in chosen.items() if not arm.waits_for_tasks]
        networks = [*(arm.teachers.nodes() for arm in taught.values()), *alone]
        meanwhile = [node for nodes in networks for node in nodes.values()]
        self._distil([arm for arm in chosen.values() if arm.on_text], meanwhile)
        found: Networks = {}
        seen: dict[frozenset[str], str] = {}
        for name, arm in taught.items():
            nodes = arm.teachers.nodes()
            if (names := arm.teachers.identity) not in seen:
                seen[names] = f"{name}_teacher" if found else "teacher"
                found[seen[names]] = nodes
                for node in nodes.values():
                    # What plain text is read by has learnt all tasks; one of few rows is no test.
                    self._check(node, arm, [] if arm.on_text else [node], meanwhile)
        for name, arm in chosen.items():
            if arm.needs_teacher:
                self.taught_by[name] = seen.get(arm.teachers.identity, "")
        return found

    def _taught(self, chosen: Mapping[str, Arm]) -> dict[str, Arm]:
        """The arms whose teachers are built and scored."""
        if self.config["job"] in ("teacher", "teacher_outputs"):
            return {"student": self.main}
        wanted = {name: arm for name, arm in chosen.items() if arm.needs_teacher}
        # Where plain text is learnt from, of other teachers only what they taught is compared.
        return {n: arm for n, arm in wanted.items() if n == "student" or not self.main.on_text}

    def _distil(self, arms: list[Arm], meanwhile: Iterable[Node]) -> None:
        """What reads plain text, then what learns from it, before all that does not wait for it."""
        bodies = [(body, arm) for arm in arms for body in arm.teachers.body()[0].values()]
        for body, arm in bodies:
            self._check(body, arm, [body], meanwhile)
        self.executor.do([arm.body() for arm in arms], meanwhile)

    def _check(
        self, teacher: Node, arm: Arm, learnt: list[Node], meanwhile: Iterable[Node] = ()
    ) -> None:
        """Builds a teacher, and refuses it below its floor before anything is built on it."""
        self.executor.do([teacher], meanwhile)
        if self.helps:
            return
        for node in (*learnt, *teacher.parents.values()):
            if node.kind == "teacher" and node.fingerprint not in self.checked:
                self.checked.add(node.fingerprint)  # a body is the parent of each that is refined
                floor = arm.parts["teacher"]["floor"]
                check_teacher_floor(self._folder(node), node.title, floor)

    def _write(
        self,
        networks: Networks,
        evaluations: Mapping[str, list[Node]],
        speeds: Mapping[Group, Node],
    ) -> dict[str, Any]:
        """Measures the speed, and gathers everything into the run folder."""
        self.executor.do(speeds.values())
        shown = [node for nodes in networks.values() for node in nodes.values()]  # their curves
        folders = {name: [self._folder(n) for n in nodes] for name, nodes in evaluations.items()}
        groups = self.main.task_groups() if self.main.on_text else {}
        found = result.head(self.config, self.plan.splits.values())
        found |= gather.quality(
            self.config, self.plan.tasks, folders, self.folder, groups, self.taught_by
        )
        found |= gather.cost({group: self._folder(n) for group, n in speeds.items()})
        found["selection_macro"] = {
            name: result.selection_macro(map(self._folder, with_members(nodes.values())))
            for name, nodes in networks.items()
        }
        found |= gather.rates(networks, self._folder)
        found |= {"wall_s": self.executor.seconds, "reused": self.executor.reused}
        found |= {"elapsed_s": time.time() - self.executor.began, "processes": self.processes}
        own = {name: by_group.values() for name, by_group in networks.items()}
        found |= {"train_s": training(own, self.executor.spent), "precision": precisions(own)}
        learnt = {node.fingerprint: node for node in (*with_members(shown), *bodies(shown))}
        named = titles(learnt.values())
        trained = {named[name]: self._folder(node) for name, node in learnt.items()}
        curves = {title: f / "metrics.csv" for title, f in trained.items()}
        result.join_curves(curves, self.folder / "metrics.csv")
        title = f"{self.config['name']}, {self.config['data']['source']} data"
        draw_curves(self.folder / "metrics.csv", self.folder / "curves.png", title)
        (self.folder / "config.yaml").write_text(yaml.safe_dump(dict(self.config), sort_keys=False))
        self._link(trained)
        write_whole(self.folder / "result.json", json.dumps(found, indent=1) + "\n")
        if self.wandb.mode != "disabled" and found["student"]:
            _draw_pareto(self.folder, found, self.config)
        self.wandb.summary(found, self.folder)
        return found

    def _folder(self, node: Node) -> Path:
        return self.executor.place(node).folder

    def _link(self, trained: Mapping[str, Path]) -> None:
        """Links from the run folder to the artifacts of its networks."""
        links = self.folder / "artifacts"
        links.mkdir(exist_ok=True)
        for title, folder in trained.items():
            link = links / title.replace(" ", "_").replace("(", "").replace(")", "")
            link.unlink(missing_ok=True)  # of a job that was stopped at its very end
            link.symlink_to(folder)


def _draw_pareto(folder: Path, found: dict[str, Any], config: Mapping[str, Any]) -> None:
    """Writes `pareto.png`: the quality of the run's networks against their size."""
    from kdlight.report.collect import Run
    from kdlight.report.groups import Group
    from kdlight.report.plots import by_parameters, scatter

    points = by_parameters([Group("", (Run(folder, found, config),))])
    scatter(points, "parameters without embeddings", folder / "pareto.png")
