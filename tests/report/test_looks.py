"""How a report looks: the page, its pictures, LaTeX."""

import json
from html.parser import HTMLParser

from report.made import made_run

from kdlight.report.collect import find_runs
from kdlight.report.formats import latex
from kdlight.report.groups import groups
from kdlight.report.overview import overview_table
from kdlight.report.page import table as html_table
from kdlight.report.plots import Point, by_latency, pareto, scatter
from kdlight.report.tables import BESIDE, Table, score_table, spread
from kdlight.report.write import write_report


def test_a_name_with_a_dollar_is_drawn_as_it_is():
    points = [Point("_a ${x} $b", 1, 80, 79, 81, 0), Point("c", 2, 90, 89, 91, 1)]
    assert "a ${x} $b" in scatter(points, "cost")


def test_a_remark_is_not_repeated_on_the_page():
    told: set[str] = set()
    one, two = (Table("", ["network"], [], ["same", extra]) for extra in ("first", "second"))
    assert html_table(one, 2, told).count("<p") == 2
    again = html_table(two, 3, told)
    assert "same" not in again
    assert "second" in again
    assert "Other remarks: as above." in again
    assert "Remarks: as above." in html_table(one, 3, told)


class Structure(HTMLParser):
    """Checks that tags close in order; notes what a page would fetch."""

    EMPTY = ("meta", "br", "img", "path", "use", "link", "wbr")

    def __init__(self):
        super().__init__()
        self.open, self.fetched, self.cells = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in self.EMPTY:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")
        for name, value in attributes:
            if name in ("src", "href", "xlink:href") and not (value or "").startswith("#"):
                self.fetched.append(value)

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data


def test_the_page_is_whole_and_needs_nothing_else(runs, tmp_path):
    folder, _ = runs
    write_report(f"{folder}/*", tmp_path / "report")
    text = (tmp_path / "report/report.html").read_text()
    page = Structure()
    page.feed(text)
    assert page.open == []
    assert page.fetched == []
    assert "student, distilled" in page.cells
    assert "x &amp; y" in text  # of the hardware
    assert len(text) < 1 << 20
    assert text.count("<svg") == 3


def test_what_latex_would_read_is_escaped():
    table = Table(r"a\b ^ ~", ["x_1", "p < 0.001"], [["50 % & {more}", "1 ± 2 ≥ 0"]])
    text = latex(table)
    assert r"\caption{a\textbackslash{}b \textasciicircum{} \textasciitilde{}}" in text
    assert r"x\_1 & p $<$ 0.001" in text
    assert r"50 \% \& \{more\} & 1 $\pm$ 2 $\geq$ 0" in text


def test_the_best_student_stands_out_whatever_it_is_called():
    rows = [["teacher", "99.0"], ["bilstm, distilled", "88.0 ± 1.0"], ["cnn, distilled", "89.0"]]
    assert '<td class="best">89.0</td>' in html_table(Table("", ["network", "macro"], rows))


def test_many_scores_stand_one_below_another_with_a_column_a_network(runs):
    """A page is as wide as few columns; each number stands with its network and its score."""
    folder, found = runs
    (group,) = groups(find_runs(f"{folder}/*"))
    few = score_table(group)
    assert few.columns == ["network", "macro", "kept", "agreement", "n", "sst2 accuracy"]
    for run in group.runs:
        for arm in group.arms:
            own = run.arms[arm]["scores"]
            own |= {f"t{n}": {"accuracy": own["sst2"]["accuracy"] - n} for n in range(BESIDE)}
    many = score_table(group)
    assert many.columns == ["", *(row[0] for row in few.rows)]
    heads = ["macro", "kept", "agreement", "n", "sst2 accuracy"]
    assert [row[0] for row in many.rows] == heads + [f"t{n} accuracy" for n in range(BESIDE)]
    for column, row in enumerate(few.rows, 1):
        assert [line[column] for line in many.rows[2:5]] == row[3:]
    best = max(many.rows[0][2:])
    assert html_table(many).count(f'<td class="best">{best}</td>') == 1
    student = many.columns.index("student, distilled")
    value = sum(result["student"]["scores"]["sst2"]["accuracy"] for result in found) / 3 - 3
    assert many.rows[-1][student].startswith(f"{value:.1f} ± ")
    together = overview_table([group, group])
    assert together.columns[-1] == "verdict"
    assert any("in the table of each setting" in note for note in together.notes)


def test_a_picture_that_leaves_networks_out_says_so(runs, tmp_path, monkeypatch):
    folder, _ = runs
    write_report(f"{folder}/*", tmp_path / "whole")
    assert "networks are drawn" not in (tmp_path / "whole/report.html").read_text()
    monkeypatch.setattr("kdlight.report.plots.MOST", 1)
    write_report(f"{folder}/*", tmp_path / "part")
    text = (tmp_path / "part/report.html").read_text()
    assert "The first 1 of 3 networks are drawn." in text
    assert "The first 1 of 4 networks are drawn." in text


def test_the_front():
    points = [Point(n, cost, score, 0, 0, 0) for n, cost, score in
              (("a", 1, 80), ("b", 2, 79), ("c", 3, 90), ("d", 3, 85), ("e", 9, 90))]  # fmt: skip
    assert [point.name for point in pareto(points)] == ["a", "c"]


def test_spread():
    assert spread([88.19, 88.3]) == "88.2 ± 0.1"
    assert spread([88.19]) == "88.2"
    assert spread([88.19, 88.19]) == "88.2"
    assert spread([]) == ""


def test_latency_in_the_picture_is_that_of_the_table(runs):
    folder, found = runs
    for seed, student in ((1, 2.0), (2, 4.0), (3, 60.0)):
        found[seed - 1]["latency"] |= {"student_ms": student}
    found[2] |= {"hardware": {"cpu": "another"}}
    for seed, result in enumerate(found, 1):
        (folder / f"{seed}/result.json").write_text(json.dumps(result))
    points = {point.name: point.cost for point in by_latency(groups(find_runs(f"{folder}/*")))}
    assert points == {"teacher": 20.0, "student, gold only": 3.0, "student, distilled": 3.0}


def test_one_encoder_for_all_seeds_is_told(tmp_path):
    for text, told in (({"seed": 3}, True), ({"seed": None}, False)):
        folder = tmp_path / str(told)
        for seed in (1, 2):
            made_run(folder / f"runs/{seed}", seed, method={"text": text})
        write_report(f"{folder}/runs/*", folder / "report")
        said = (folder / "report/report.md").read_text().count("One encoder was distilled")
        assert said == 2 * told  # below the scores and below the differences


def test_what_is_the_cost_of_several_networks_is_told(tmp_path):
    told = "networks of all tasks together"
    for joint in (False, True):
        folder = tmp_path / str(joint)
        result = made_run(folder / "runs/1", 1, method={"joint": joint})
        for arm in (result["teacher"], result["student"], result["baseline"]):
            arm["scores"] |= {"rte": {"accuracy": 60.0}}
        result["variants"] = {}
        (folder / "runs/1/result.json").write_text(json.dumps(result))
        write_report(f"{folder}/runs/*", folder / "report")
        assert (told in (folder / "report/report.md").read_text()) != joint


def test_the_pictures_of_several_settings_stand_above_what_is_of_one(tmp_path):
    for seed in (1, 2):
        for rate in (1.0, 2.0):
            made_run(tmp_path / f"runs/{rate}/{seed}", seed, rate=rate)
    write_report(f"{tmp_path}/runs/*/*", tmp_path / "report")
    page = (tmp_path / "report/report.html").read_text()
    assert page.index("All together") < page.index("<svg") < page.index("Cost")


def test_words_stand_at_the_left_and_numbers_at_the_right():
    rows = [["one", "beside sst2", "+1.0"], ["two", "", "n/a"]]
    page = html_table(Table("title", ["network", "beside", "gain"], rows, []))
    assert '<th class="words">beside</th><th>gain</th>' in page
    assert '<td class="words">beside sst2</td><td>+1.0</td>' in page
    assert "<th>network</th>" in html_table(Table("title", ["network"], [], []))
