"""The keys of the server over HTTP, and what the present key may do."""

import logging

from fastapi import APIRouter, Depends, Request

from speechd.api.dependencies import get_service
from speechd.api.openapi.jobs import MISSING, refusals, with_json
from speechd.api.request_body_json import read_text_request
from speechd.api.routes.admin.callers import access_of, limits_object, permissions_of, require_admin, use_of
from speechd.api.routes.admin.key_schemas import (
    AdminKeyDeleted,
    AdminKeyList,
    AdminKeyObject,
    CallerObject,
    KeyChangeForm,
    NewKeyForm,
    NewKeyObject,
)
from speechd.api.routes.admin.named_keys import NamedKeys
from speechd.auth.keys import Key, KeyLimits

MAX_BODY_BYTES = 100_000

log = logging.getLogger("speechd.api")
router = APIRouter(tags=["Administration"])
admin = [Depends(require_admin)]


@router.get("/admin/me", summary="What the present key may do and has used.", responses=refusals())
async def me(request: Request) -> CallerObject:
    key: Key | None = request.state.key
    limits = key.limits if key else KeyLimits()
    return CallerObject(
        id=key.id if key else "",
        name=key.name if key else "",
        scopes=list(permissions_of(request)),
        limits=limits_object(limits),
        use=use_of(request, key.id if key else "", limits),
        key_required=access_of(request).keys.required,
    )


@router.get("/admin/keys", summary="List the API keys.", responses=refusals(), dependencies=admin)
async def list_keys(request: Request) -> AdminKeyList:
    return AdminKeyList(data=[_object(request, key) for key in await _keys(request).list()])


NEW_KEY_EXAMPLE = {"name": "anna", "scopes": ["transcribe", "speak"], "limits": {"requests_per_minute": 60}}


@router.post("/admin/keys", **with_json(NewKeyForm, NEW_KEY_EXAMPLE), responses=refusals(), dependencies=admin)
async def make_key(request: Request) -> NewKeyObject:
    """
    Raises:
        InvalidRequest: a value is bad, or the name is taken.
    """
    form = NewKeyForm.parse(dict((await read_text_request(request, MAX_BODY_BYTES)).fields))
    key, secret = await _keys(request).add(form.name, form.limits.applied_to(KeyLimits()), form.scopes)
    _note(request, key, "made")
    return NewKeyObject(**_object(request, key).model_dump(), key=secret)


CHANGE_EXAMPLE = {"limits": {"audio_seconds_per_day": 3600, "requests_per_minute": None}}


@router.patch(
    "/admin/keys/{key}", **with_json(KeyChangeForm, CHANGE_EXAMPLE), responses=refusals(MISSING), dependencies=admin
)
async def change_key(key: str, request: Request) -> AdminKeyObject:
    """
    Raises:
        NotFound: there is no key of that name or id.
        InvalidRequest: a value is bad.
    """
    form = KeyChangeForm.parse(dict((await read_text_request(request, MAX_BODY_BYTES)).fields))
    changed = await _keys(request).change(key, form.limits.applied_to, form.scopes)
    _note(request, changed, "changed")
    return _object(request, changed)


@router.delete("/admin/keys/{key}", summary="Revoke an API key.", responses=refusals(MISSING), dependencies=admin)
async def revoke_key(key: str, request: Request) -> AdminKeyDeleted:
    """
    Raises:
        NotFound: there is no key of that name or id.
    """
    revoked = await _keys(request).revoke(key)
    _note(request, revoked, "revoked")
    return AdminKeyDeleted(id=revoked.id)


def _keys(request: Request) -> NamedKeys:
    return NamedKeys(get_service(request).settings)


def _object(request: Request, key: Key) -> AdminKeyObject:
    return AdminKeyObject(
        id=key.id,
        name=key.name,
        scopes=list(key.may),
        limits=limits_object(key.limits),
        use=use_of(request, key.id, key.limits),
        created_at=key.created,
    )


def _note(request: Request, key: Key, done: str) -> None:
    by: Key | None = request.state.key
    log.info("the key %s (%s) was %s by %s", key.name, key.id, done, by.name if by else "this machine")
