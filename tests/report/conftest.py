"""What tests of reports share."""

import pytest
from report.made import made_run


@pytest.fixture
def runs(tmp_path):
    found = [made_run(tmp_path / f"runs/{seed}", seed) for seed in (1, 2, 3)]
    return tmp_path / "runs", found
