from collections.abc import Callable
from pathlib import Path

import pytest
from commands import SMOKE, call


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a command in a folder of the test."""
    return lambda *overrides: call(tmp_path, monkeypatch, *overrides)


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the smoke run was made once."""
    folder = tmp_path_factory.mktemp("smoke")
    with pytest.MonkeyPatch.context() as patch:
        assert call(folder, patch, *SMOKE) == 0
    return folder
