"""The one actor of a cluster that deploys models, so that servers that start together do not undo each other's work."""

import asyncio
import logging
from typing import Any

from speechd import __version__
from speechd.cluster.connect import NAMESPACE
from speechd.cluster.serving.placement import ReplicaPlan

NAME = "speechd-deployer"


class Deployer:
    """Deploys each plan once, and again when its version changes."""

    def __init__(self) -> None:
        self._versions: dict[str, str] = {}
        """What was deployed, by application."""
        self._one = asyncio.Lock()

    async def deploy(self, plan: ReplicaPlan) -> None:
        """The replicas of a plan are there or start. Those of another version are replaced a few at a time, and answer
        their last requests."""
        async with self._one:
            await asyncio.to_thread(self._deploy, plan)

    async def remove(self, app: str) -> bool:
        """Ends the replicas of an application when they have answered their last requests; False: there was none."""
        return await asyncio.to_thread(self._remove, app)  # which may take minutes: other models are deployed meanwhile

    def _deploy(self, plan: ReplicaPlan) -> None:
        from ray import serve

        from speechd.cluster.serving.replica import ModelReplica

        there = serve.status().applications.get(plan.app)
        stands = there is not None and there.status not in ("DEPLOY_FAILED", "DELETING")
        # An actor that started anew knows nothing of what is there, and leaves it.
        if stands and self._versions.setdefault(plan.app, plan.version) == plan.version:
            return
        deployment = serve.deployment(**plan.options())(ModelReplica)
        app = deployment.bind(plan.name, plan.given, __version__)
        target = serve.RunTarget(app, name=plan.app, route_prefix=None)
        serve.run_many([target], wait_for_applications_running=False)
        self._versions[plan.app] = plan.version

    def _remove(self, app: str) -> bool:
        from ray import serve

        self._versions.pop(app, None)
        if app not in serve.status().applications:
            return False
        serve.delete(app)
        return True


def get_deployer() -> Any:
    """A handle to the deployer of the cluster, which is started where there is none."""
    import ray

    actor = ray.remote(num_cpus=0, max_restarts=-1)(Deployer)
    return actor.options(name=NAME, namespace=NAMESPACE, get_if_exists=True, lifetime="detached").remote()


def start_serve() -> None:
    """Starts Ray Serve in the cluster, where it does not run, without its HTTP proxy: our own server takes requests."""
    from ray import serve

    serve.start(proxy_location="Disabled")
    logger = logging.getLogger("ray.serve")
    logger.handlers.clear()  # its lines are in the format of all others
    logger.setLevel(logging.WARNING)
    logger.propagate = True
