"""A disk that is full, or must not be written: one sentence; with room the command goes on."""

import os
import shutil
import subprocess

import pytest
from faults.harness import ROUNDS, contents, left_over, scores, sentence

KIB = 1024


def mount(*words):
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path):
    """`disk(KiB)`: the folder of a file system of that size; called again, it grows."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() or not mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)):
        pytest.skip("no right to mount a small file system")

    def resize(size, *options):
        options = ",".join(("remount", f"size={size}k", *options))
        assert mount("-o", options, str(folder))
        return folder

    yield resize
    subprocess.run(["umount", "-l", str(folder)], check=True)


def complaint(command):
    """What a command that must fail for the disk's sake says."""
    assert command.wait() in (1, 2), command.said()  # no signal: a map written beyond the end
    return sentence(command.said())


def test_a_disk_that_fills_up(nursery, whole, disk):
    """It grows by little and little, so that it is full at ever another moment."""
    step = max(8, 200 // ROUNDS)
    said = []
    for size in range(step, 4000, step):
        folder = disk(size)
        shutil.rmtree(folder / "outputs/runs", ignore_errors=True)
        command = nursery.start(folder, *whole.overrides)
        if command.wait() == 0:
            break
        said.append(complaint(command))
        assert "No space left on device" in said[-1]
        assert str(folder) in said[-1] or "below outputs" in said[-1]
        assert not list(folder.glob("outputs/runs/*/*/result.json"))
    assert len(said) >= 3
    assert contents(folder) == whole.contents
    assert scores(folder)[-1] == whole.scores[0]
    assert left_over(folder) == []


def test_a_limit_on_the_size_of_a_file(nursery, whole, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for limit in (4, 20, 100):
        command = nursery.start(folder, *whole.overrides, file_size=limit * KIB)
        said = complaint(command)
        assert "File too large" in said
        assert "ulimit" in said
    again = nursery.start(folder, *whole.overrides)
    assert again.wait() == 0, again.said()
    assert contents(folder) == whole.contents


def test_a_file_system_that_is_only_read(nursery, whole, disk):
    folder = disk(4000)
    for prepared in (False, True):
        if prepared:
            shutil.copytree(whole.folder / "outputs", folder / "outputs")
        disk(4000, "ro")
        said = complaint(nursery.start(folder, *whole.overrides))
        assert "Read-only file system" in said
        assert "outputs=" in said
        disk(4000, "rw")


def test_a_folder_without_the_right_to_write(nursery, whole, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(whole.folder, folder)
    (student,) = folder.glob("outputs/artifacts/student")
    shutil.rmtree(student)
    (folder / "outputs/artifacts").chmod(0o555)
    said = complaint(nursery.start(folder, *whole.overrides, powerless=True))
    assert "Permission denied" in said
    assert "artifacts/student" in said
    (folder / "outputs/artifacts").chmod(0o755)
    (folder / "outputs").chmod(0o755)
    (folder / "outputs/runs/kd_bilstm").chmod(0o555)
    said = complaint(nursery.start(folder, *whole.overrides, powerless=True))
    assert "Permission denied" in said
    (folder / "outputs/runs/kd_bilstm").chmod(0o755)
    again = nursery.start(folder, *whole.overrides, powerless=True)
    assert again.wait() == 0, again.said()
    assert contents(folder) == whole.contents
