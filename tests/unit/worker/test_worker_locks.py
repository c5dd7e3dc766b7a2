import subprocess
import sys
from pathlib import Path

from speechd.worker.worker_locks import WorkerLock

STAY = """
import sys
from pathlib import Path
from speechd.worker.worker_locks import WorkerLock

with WorkerLock(Path(sys.argv[1])) as presence:
    print(presence.name, flush=True)
    sys.stdin.read()
"""


def test_a_process_that_dies_is_found_dead_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STAY, str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process, WorkerLock(tmp_path) as presence:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert presence.dead() == set()
        process.kill()
        process.wait()
        assert presence.dead() == {name}
        presence.remove_lock(name)
        assert presence.dead() == set()


def test_who_leaves_in_order_is_not_found(tmp_path: Path) -> None:
    with WorkerLock(tmp_path) as first:
        with WorkerLock(tmp_path) as second:
            assert first.name != second.name
        assert first.dead() == set()
    assert list(tmp_path.iterdir()) == []
