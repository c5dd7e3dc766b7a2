"""What a key must be allowed for each route: one table, which the middleware looks up before the route.

What is not in the table needs a key and no permission: lists of models and voices, and a caller's own jobs.
"""

from dataclasses import dataclass

from speechd.auth.keys import ADMIN, Key, Permission
from speechd.dialects import COMPAT_PATHS, OPENAI, common_url
from speechd.errors import PermissionDenied


@dataclass(frozen=True, slots=True)
class RoutePermission:
    """A route, and what is below it."""

    methods: frozenset[str]
    """Empty for all."""
    path: str
    """Without a dialect's prefix where it has one."""
    permission: Permission | None
    """None: every key."""
    below_only: bool = False
    """The route itself is not meant, only what is below it."""

    def covers(self, method: str, path: str) -> bool:
        below = path.startswith(self.path + "/") or (path == self.path and not self.below_only)
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
    RoutePermission(ANY, "/audio/voices", "speak", below_only=True),
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
    RoutePermission(ANY, "/admin/me", None),
    RoutePermission(ANY, "/admin", "admin"),
)


def needed_permission(method: str, path: str) -> Permission | None:
    """
    Args:
        path: with or without a dialect's prefix.
    """
    bare = common_url(path).removeprefix(OPENAI.prefix)
    return next((rule.permission for rule in ROUTE_PERMISSIONS if rule.covers(method, bare)), None)


def check_permission(key: Key | None, method: str, path: str, *, anybody: bool = False) -> None:
    """
    Args:
        key: the caller's; None where no key is asked for, which allows everything on a server of one machine.
        anybody: callers of other machines need no key either. None of them administers the server.

    Raises:
        PermissionDenied: the key lacks what the route needs.
    """
    needed = needed_permission(method, path)
    if key is None and needed == ADMIN and anybody:
        raise PermissionDenied(
            f"{method} {path[:200]} needs an API key with the permission `{ADMIN}`. This server takes calls without a"
            " key from everybody (SPEECHD_ALLOW_ANONYMOUS), but not this one."
        )
    if key is not None and needed is not None and needed not in key.may:
        raise PermissionDenied(
            f"The API key `{key.name}` lacks the permission `{needed}` that {method} {path[:200]} needs."
        )
