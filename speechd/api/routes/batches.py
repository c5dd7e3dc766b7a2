"""The Batches API: each key sees its own."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request

from speechd.api.dependencies import get_service, get_store_handle
from speechd.api.middleware.permissions import check_permission
from speechd.api.middleware.rate_limits import caller_of
from speechd.api.openapi.jobs import MISSING, batch_operation, null_members, refusals
from speechd.api.request_body_json import read_text_request
from speechd.dialects import Dialect, common_url
from speechd.errors import InvalidRequest
from speechd.operations.batch import BATCH_OPERATIONS
from speechd.schemas.batches import BatchFault, BatchFaults, BatchForm, BatchList, BatchObject, RequestCounts
from speechd.store.batch_order import BatchOrder
from speechd.store.store import StoreHandle

if TYPE_CHECKING:
    from speechd.store.batches import Batch


def router(dialect: Dialect) -> APIRouter:
    """The batch routes; lines are answered in this dialect unless they name one."""
    routes, nulls = APIRouter(tags=["Batches"]), null_members(dialect)

    @routes.post("/batches", **batch_operation(), **nulls)
    async def create_batch(request: Request) -> BatchObject:
        return await create(request, dialect)

    _add_others(routes, nulls)
    return routes


async def create(request: Request, dialect: Dialect) -> BatchObject:
    """Creates a batch.

    Raises:
        InvalidRequest: a field is not valid.
        PermissionDenied: the caller's key may not do what the lines ask for.
        FileNotFound: there is no such file, or it is another's.
    """
    asked = await read_text_request(request, get_service(request).settings.json_limit)
    form = BatchForm.parse(dict(asked.fields))
    if common_url(form.endpoint) not in BATCH_OPERATIONS:
        raise InvalidRequest(f"`endpoint` must be one of {', '.join(BATCH_OPERATIONS)}.", param="endpoint")
    check_permission(request.state.key, "POST", form.endpoint)
    jobs = get_store_handle(request)
    store = await jobs.open()
    order = BatchOrder(
        owner=caller_of(request),
        dialect=dialect.name,
        endpoint=form.endpoint,
        input_file_id=form.input_file_id,
        completion_window=form.completion_window,
        metadata=form.metadata,
        output_lifetime=form.output_expires_after.seconds if form.output_expires_after else None,
    )
    batch = await store.batches.create(order)
    jobs.announce()
    return _object(jobs, batch)


def _add_others(routes: APIRouter, nulls: dict[str, Any]) -> None:
    @routes.get("/batches", summary="List batches.", responses=refusals(), **nulls)
    async def list_batches(
        request: Request,
        after: Annotated[str, Query(max_length=100, description="Id of the batch after which the page begins.")] = "",
        limit: Annotated[int, Query(ge=1, le=100, description="Maximum batches of the page.")] = 100,
    ) -> BatchList:
        jobs = get_store_handle(request)
        page = await (await jobs.open()).batches.list(caller_of(request), after=after, limit=limit)
        data = [_object(jobs, batch) for batch in page.rows]
        return BatchList.of(data, page.has_more)

    @routes.get("/batches/{batch_id}", summary="Describe a batch.", responses=refusals(MISSING), **nulls)
    async def get_batch(batch_id: str, request: Request) -> BatchObject:
        """
        Raises:
            BatchNotFound: there is none, or it is another's.
        """
        jobs = get_store_handle(request)
        return _object(jobs, await (await jobs.open()).batches.get(caller_of(request), batch_id))

    @routes.post("/batches/{batch_id}/cancel", summary="Cancel a batch.", responses=refusals(MISSING), **nulls)
    async def cancel_batch(batch_id: str, request: Request) -> BatchObject:
        """A batch that is ending or has ended does not change.

        Raises:
            BatchNotFound: there is none, or it is another's.
        """
        jobs = get_store_handle(request)
        batch = await (await jobs.open()).batches.cancel(caller_of(request), batch_id)
        jobs.announce()
        return _object(jobs, batch)


def _object(jobs: StoreHandle, batch: "Batch") -> BatchObject:
    counts = RequestCounts(total=batch.total, completed=batch.completed, failed=batch.failed)
    errors = BatchFaults.model_validate_json(batch.errors) if batch.errors else None
    if errors is None and not batch.ended and jobs.faults:
        errors = BatchFaults(data=[_in_the_way(jobs)])
    told = asdict(batch) | {"metadata": json.loads(batch.metadata) if batch.metadata else None}
    return BatchObject.model_validate(told | {"request_counts": counts, "errors": errors})


def _in_the_way(jobs: StoreHandle) -> BatchFault:
    """What the work of this process waits for, where it could not be written down."""
    trouble = next(iter(jobs.faults.values()))
    return BatchFault(code=trouble.error_code or trouble.type, message=trouble.message)
