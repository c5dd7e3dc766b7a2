"""Base classes of requests and lists."""

import json
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from speechd.bounded_json import refuse_surrogates
from speechd.errors import InvalidRequest

MAX_LIST_CHARACTERS = 2000
"""A longer text is no list of names."""


def _listed(value: Any) -> Any:
    """A single value counts as a list of one."""
    return value if isinstance(value, list | tuple) else [value]


def split_list(value: Any) -> Any:
    """The items of a list, of which each text may be a list too: a JSON array, or with commas between the items."""
    return [part for item in _listed(value) for part in (_parts(item) if isinstance(item, str) else [item])]


def _parts(text: str) -> list[Any]:
    text = text.strip()
    if len(text) > MAX_LIST_CHARACTERS:
        return [text]
    if text.startswith("["):
        try:
            return list(json.loads(text))
        except (ValueError, RecursionError):
            return [text]
    return [part.strip() for part in text.split(",")] if "," in text else [text]


Strings = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Form(BaseModel):
    """The fields of a request; unknown ones are ignored, as the hosted services do."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    left_out: ClassVar[tuple[Any, ...]] = (None,)
    """Values that count as absent: JSON null."""
    nested: ClassVar[bool] = False
    """Fields hold objects: an error names the whole path of a value."""

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Self:
        """The form in `fields`.

        Raises:
            InvalidRequest: a field has a bad value, or two contradict; `param` names it.
        """
        refuse_surrogates(fields)
        try:
            return cls.model_validate({name: value for name, value in fields.items() if value not in cls.left_out})
        except ValidationError as error:
            raise first_fault(error, whole_path=cls.nested) from error


class PageForm(Form):
    """A form that browsers send too: with every field, also empty ones."""

    left_out = (None, "", [""])


def first_fault(error: ValidationError, within: str | None = None, *, whole_path: bool = False) -> InvalidRequest:
    """Pydantic's first error as a sentence that names the field, or `within`, the field that contains it.

    Args:
        whole_path: name the value inside the field too, such as `transcript.segments[3].end`.
    """
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    inside = _path_of(fault["loc"] if whole_path else fault["loc"][:1])
    field = ".".join(filter(None, (within, inside))) or None
    if fault["type"] == "missing":
        return InvalidRequest(f"`{field}` is required.", param=within or field)
    return InvalidRequest(
        f"Invalid value for `{field}`: {fault['msg'][0].lower()}{fault['msg'][1:]}.", param=within or field
    )


def _path_of(places: tuple[int | str, ...]) -> str:
    """`("segments", 3, "end")` -> `segments[3].end`."""
    return "".join(f"[{place}]" if isinstance(place, int) else f".{place}" for place in places).removeprefix(".")


class Listed(BaseModel):
    """A row of a page."""

    id: str


ListItem = TypeVar("ListItem", bound=Listed)


class ListPage(BaseModel, Generic[ListItem]):
    """A page of a long list, as OpenAI's SDK reads it."""

    object: Literal["list"] = Field("list", description="Always `list`.")
    data: list[ListItem] = Field(description="The rows of this page.")
    first_id: str = Field("", description="Id of the first row; empty where there is none.")
    last_id: str = Field("", description="Id of the last row: `after` for the next page.")
    has_more: bool = Field(description="Whether more rows follow.")

    @classmethod
    def of(cls, rows: list[ListItem], has_more: bool) -> Self:
        """A page of these rows."""
        ends = (rows[0].id, rows[-1].id) if rows else ("", "")
        return cls(data=rows, first_id=ends[0], last_id=ends[1], has_more=has_more)
