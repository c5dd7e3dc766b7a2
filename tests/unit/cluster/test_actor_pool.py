"""Where the transcribers of a folder run are placed."""

import pytest

from speechd.cluster.actor_pool import ActorPlacement, Machine, place_transcribers
from speechd.errors import CannotGoOn

CPU, SMALL, GPUS = Machine(16, 0), Machine(4, 0), Machine(32, 4)


@pytest.mark.parametrize(
    ("machines", "replicas", "placement"),
    [
        ((CPU,), None, ActorPlacement(1, 16)),
        ((CPU, CPU), None, ActorPlacement(2, 16)),
        ((CPU, SMALL), None, ActorPlacement(2, 4)),
        ((CPU, Machine(0, 0)), None, ActorPlacement(1, 16)),
        ((CPU,), 2, ActorPlacement(2, 8)),
        ((SMALL,), 8, ActorPlacement(8, 1)),
        ((GPUS,), None, ActorPlacement(4, 8, 1)),
        ((GPUS, CPU), None, ActorPlacement(4, 8, 1)),
        ((GPUS,), 8, ActorPlacement(8, 4, 0.5)),
    ],
)
def test_one_for_each_gpu_or_each_machine(
    machines: tuple[Machine, ...], replicas: int | None, placement: ActorPlacement
) -> None:
    assert place_transcribers(machines, replicas) == placement


def test_machines_without_a_cpu_are_refused() -> None:
    with pytest.raises(CannotGoOn, match="No machine of the cluster offers a CPU"):
        place_transcribers([Machine(0, 0)])
