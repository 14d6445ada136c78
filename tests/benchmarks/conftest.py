import os

import pytest
from benchmarks.world import make_world


@pytest.fixture(autouse=True, scope="session")
def _alone():
    """Whoever measures wants the machine."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.exit("Benchmarks run one after another: add -n 0.")


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))
