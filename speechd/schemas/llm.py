"""Schemas of the text endpoints. Fields that both services have are checked. Other fields are passed on unchanged."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError, WithJsonSchema

from speechd.bounded_json import MAX_TOKENS, MAX_VALUES
from speechd.schemas.base import first_fault

JsonObject = dict[str, Any]
Objects = Annotated[list[JsonObject], Field(fail_fast=True)]
"""The first item that is no object is enough: a complaint about each of 100 000 takes seconds."""
ModelId = Annotated[str, Field(min_length=1, max_length=1000, description="Id of the model, from `GET models`.")]
Flag = Annotated[StrictBool | None, Field(description="Answer with server-sent events as the text is written.")]
Temperature = Annotated[float | None, Field(ge=0, le=2, allow_inf_nan=False, description="Randomness; 0 is the least.")]
TopP = Annotated[float | None, Field(ge=0, le=1, allow_inf_nan=False, description="Nucleus sampling.")]
Text = Annotated[str, Field(min_length=1)]


class _PassThrough(BaseModel):
    """Fields of which the known ones are checked and all are passed on."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @classmethod
    def check(cls, fields: JsonObject) -> Self:
        """
        Raises:
            InvalidRequest: a field is missing or has a bad value; `param` names it.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise first_fault(error) from error


class TextForm(_PassThrough):
    """Fields of every text endpoint."""

    max_values: ClassVar[int] = MAX_VALUES
    """Members and items in the body."""
    model: ModelId


class ChatMessage(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="allow")

    role: Text = Field(description="system, developer, user, assistant, tool or function.")
    content: str | Objects | None = Field(None, description="Text, or parts of text and images.")


class ChatForm(TextForm):
    """Continue a conversation."""

    messages: list[ChatMessage] = Field(min_length=1, fail_fast=True, description="The conversation so far.")
    stream: Flag = None
    temperature: Temperature = None
    top_p: TopP = None
    n: int | None = Field(None, ge=1, le=128, description="Number of answers.")
    logprobs: StrictBool | None = Field(None, description="List the log-probabilities of the tokens.")
    top_logprobs: int | None = Field(None, ge=0, le=20, description="Alternatives listed for each token.")
    max_tokens: int | None = Field(None, ge=-1, description="Older name of `max_completion_tokens`.")
    max_completion_tokens: int | None = Field(None, ge=-1, description="Tokens written at most.")
    tools: Objects | None = Field(None, max_length=128, description="Functions the model may call.")
    response_format: JsonObject | None = Field(None, description="`text`, `json_object` or `json_schema`.")
    citation_options: Literal["enabled", "disabled"] | None = Field(None, description="Cite the given documents.")


class CompletionForm(TextForm):
    """Continue a text."""

    max_values = MAX_TOKENS

    prompt: str | list[Any] = Field(description="Text or tokens to continue.")
    stream: Flag = None
    temperature: Temperature = None
    top_p: TopP = None
    max_tokens: int | None = Field(None, ge=-1, description="Tokens written at most.")


class ResponseForm(TextForm):
    """Answer an input: text, or items of a conversation."""

    input: Text | Annotated[Objects, Field(min_length=1)] = Field(
        description="Text, or a list of items: messages, function calls and their outputs."
    )
    instructions: str | None = Field(None, description="Instructions that precede the input.")
    max_output_tokens: int | None = Field(None, ge=1, description="Tokens written at most.")
    stream: Flag = None
    temperature: Temperature = None
    top_p: TopP = None
    tools: Objects | None = Field(None, max_length=128, description="Functions the model may call.")
    tool_choice: str | JsonObject | None = Field(None, description="none, auto, required, or one function.")
    text: JsonObject | None = Field(None, description="The answer's format: text, json_object or json_schema.")
    reasoning: JsonObject | None = Field(None, description="How much reasoning precedes the answer.")
    metadata: JsonObject | None = Field(None, description="Up to 16 pairs that are returned with the response.")
    user: str | None = Field(None, description="The end user, in the caller's own terms.")
    parallel_tool_calls: StrictBool | None = Field(None, description="Whether several functions may be called at once.")
    store: StrictBool | None = Field(None, description="Only false: responses are not stored.")
    truncation: Literal["auto", "disabled"] | None = Field(
        None, description="How to shorten an input that is too long."
    )
    service_tier: Text | None = Field(None, description="auto, default or flex; it has no effect on your own server.")


class EmbeddingForm(TextForm):
    """Turn texts into vectors."""

    max_values = MAX_TOKENS
    input: Text | Annotated[list[Any], Field(min_length=1)] = Field(description="A text, several, or tokens.")
    encoding_format: Literal["float", "base64"] | None = Field(
        None, description="Lists of numbers, or base64 of little-endian float32."
    )
    user: str | None = Field(None, description="The end user, in the caller's own terms.")


class RerankForm(TextForm):
    """Order documents by how well they answer a query."""

    query: Text = Field(description="The question.")
    docs: Annotated[list[Text], Field(min_length=1, max_length=100, fail_fast=True)] = Field(
        description="1 to 100 documents, none of them empty."
    )
    instruction: str | None = Field(None, description="What counts as relevant. It is put before the query.")


class RerankDocument(BaseModel):
    """A document as an object."""

    model_config = ConfigDict(extra="allow")

    text: Text = Field(description="Its text.")


class DocumentRerankForm(TextForm):
    """Order documents by how well they answer a query, as Jina, Cohere and vLLM name it."""

    query: Text = Field(description="The question.")
    documents: Annotated[list[Text | RerankDocument], Field(min_length=1, max_length=1000, fail_fast=True)] = Field(
        description="1 to 1000 documents, none of them empty."
    )
    top_n: Annotated[StrictInt, Field(ge=1)] | None = Field(None, description="How many to return; all when absent.")
    return_documents: StrictBool | None = Field(None, description="Return the texts too; they are when absent.")
    instruction: str | None = Field(None, description="What counts as relevant. It is put before the query.")


class FineTuningForm(_PassThrough):
    """Register a fine tuning made from an uploaded file."""

    base_model: str | None = Field(None, description="The model it was trained on.")
    input_file_id: str | None = Field(None, description="The uploaded file.")
    name: str | None = Field(None, description="The name of the tuned model.")
    type: str | None = Field(None, description="Kind of tuning, such as `lora`.")


class BackendReply(BaseModel):
    """The answer of a backend. Further fields are passed on unchanged."""

    model_config = ConfigDict(extra="allow")


class ChatCompletion(BackendReply):
    """A complete answer."""

    id: str = Field(description="Its id.")
    object: str = Field(description="`chat.completion`, or `text_completion`.")
    created: int = Field(description="Unix time.")
    model: str = Field(description="Who answered.")
    choices: list[JsonObject] = Field(description="The answers.")


class Response(BackendReply):
    """A complete response."""

    id: str = Field(description="Its id.")
    object: Literal["response"] = Field(description="Always `response`.")
    status: str = Field(description="completed, failed, in_progress or incomplete.")
    model: str = Field(description="Who answered.")
    output: list[JsonObject] = Field(description="Messages, function calls, reasoning.")


class Embeddings(BackendReply):
    """Vectors, in the order of the input."""

    object: Literal["list"] = Field(description="Always `list`.")
    model: str = Field(description="The model.")
    data: list[JsonObject] = Field(description="Each with `index` and `embedding`.")


class Ranked(BaseModel):
    """A document and its relevance."""

    doc: str = Field(description="The document.")
    score: Annotated[float, Field(ge=0, le=1)] = Field(description="Its relevance, 0 to 1.")


class Ranking(BaseModel):
    """The documents, the most relevant first."""

    results: list[Ranked] = Field(description="All documents with their scores.")


class IndexedRank(BaseModel):
    """The place of a document in the request, and its relevance."""

    index: int = Field(description="Its place in `documents`, from 0.")
    relevance_score: Annotated[float, Field(ge=0, le=1)] = Field(description="Its relevance, 0 to 1.")
    document: RerankDocument | None = Field(None, description="The document; absent with `return_documents=false`.")


class DocumentRanking(BaseModel):
    """The documents, the most relevant first."""

    model: str = Field(description="The model.")
    results: list[IndexedRank] = Field(description="The documents with their scores, `top_n` at most.")


FineTuning = Annotated[JsonObject, WithJsonSchema({"type": "object"})]
