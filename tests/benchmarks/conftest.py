import os

import pytest
from benchmarks.world import make_world


@pytest.fixture(autouse=True)
def _alone(request):
    """Whoever measures wants the machine."""
    if request.node.get_closest_marker("benchmark") and "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("Benchmarks run one after another: add -n 0.")


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))
