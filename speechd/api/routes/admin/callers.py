"""Who administers, and what a key has used."""

from typing import cast

from starlette.requests import Request

from speechd.api.middleware.access import Access, is_this_machine
from speechd.api.routes.admin.key_schemas import KeyUse, LimitsObject, UseObject
from speechd.auth.keys import ADMIN, PERMISSIONS, Key, KeyLimits, Permission
from speechd.auth.usage import WINDOWS, UsageCounters
from speechd.errors import PermissionDenied


def access_of(request: Request) -> Access:
    """The rules of access of this server."""
    return cast(Access, request.app.state.access)


def require_admin(request: Request) -> None:
    """Without keys only this machine administers. A key's permission was checked before the route.

    Raises:
        PermissionDenied: there is no key, and the caller is not this machine.
    """
    if ADMIN not in permissions_of(request):
        raise PermissionDenied(
            "Without API keys only this machine may administer the server. Make a key with `speechd keys add NAME"
            f" --may {ADMIN}`."
        )


def permissions_of(request: Request) -> tuple[Permission, ...]:
    """What the caller may do."""
    key: Key | None = request.state.key
    if key is not None:
        return key.may
    administers = is_this_machine(request) and not access_of(request).any_host
    return PERMISSIONS if administers else tuple(each for each in PERMISSIONS if each != ADMIN)


def limits_object(limits: KeyLimits) -> LimitsObject:
    return LimitsObject(**{name: getattr(limits, name) for name in KeyLimits.__slots__})


def use_of(request: Request, key_id: str, limits: KeyLimits) -> KeyUse:
    """What all processes know that a key has used."""
    counters = cast(UsageCounters, request.app.state.usage)
    amounts = {window.name: counters.used(key_id, window) for window in WINDOWS}
    return KeyUse(
        **{
            name: UseObject(
                used=round(used.amount, 3), limit=getattr(limits, name), resets_in=round(max(0.0, used.ends_in), 1)
            )
            for name, used in amounts.items()
        }
    )
