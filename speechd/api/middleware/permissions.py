"""What a key must be allowed for each route: one table, which the middleware looks up before the route.

What is not in the table needs a key and no permission: lists of models and voices, and a caller's own jobs.
"""

from dataclasses import dataclass

from speechd.auth.keys import Key, Permission
from speechd.dialects import COMPAT_PATHS, OPENAI, common_url
from speechd.errors import PermissionDenied


@dataclass(frozen=True, slots=True)
class RoutePermission:
    """A route, and what is below it."""

    methods: frozenset[str]
    """Empty for all."""
    path: str
    """Without a dialect's prefix where it has one."""
    permission: Permission

    def covers(self, method: str, path: str) -> bool:
        below = path == self.path or path.startswith(self.path + "/")
        return below and (not self.methods or method in self.methods)


ANY: frozenset[str] = frozenset()
CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})

ROUTE_PERMISSIONS = (
    RoutePermission(ANY, "/audio/transcriptions", "transcribe"),
    RoutePermission(ANY, "/audio/translations", "transcribe"),
    RoutePermission(ANY, "/audio/diarization", "transcribe"),
    *(RoutePermission(ANY, path, "transcribe") for path in COMPAT_PATHS),
    RoutePermission(ANY, "/realtime", "transcribe"),
    RoutePermission(ANY, "/audio/speech", "speak"),
    RoutePermission(ANY, "/chat", "text"),
    RoutePermission(ANY, "/completions", "text"),
    RoutePermission(ANY, "/responses", "text"),
    RoutePermission(ANY, "/embeddings", "text"),
    RoutePermission(ANY, "/reranking", "text"),
    RoutePermission(ANY, "/rerank", "text"),
    RoutePermission(ANY, "/fine_tunings", "text"),
    RoutePermission(ANY, "/files", "batches"),
    RoutePermission(ANY, "/uploads", "batches"),
    RoutePermission(ANY, "/batches", "batches"),
    RoutePermission(CHANGES, "/models", "models"),
    RoutePermission(ANY, "/metrics", "metrics"),
)


def needed_permission(method: str, path: str) -> Permission | None:
    """
    Args:
        path: with or without a dialect's prefix.
    """
    bare = common_url(path).removeprefix(OPENAI.prefix)
    return next((rule.permission for rule in ROUTE_PERMISSIONS if rule.covers(method, bare)), None)


def check_permission(key: Key | None, method: str, path: str) -> None:
    """
    Args:
        key: the caller's; None where no key is asked for, which allows everything.

    Raises:
        PermissionDenied: the key lacks what the route needs.
    """
    needed = needed_permission(method, path)
    if key is not None and needed is not None and needed not in key.may:
        raise PermissionDenied(
            f"The API key `{key.name}` lacks the permission `{needed}` that {method} {path[:200]} needs."
        )
