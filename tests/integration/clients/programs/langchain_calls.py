"""LangChain: the parser that transcribes over OpenAI's API, and chat and embeddings of the LLM backend."""

from typing import Any

from calls import OPENAI, RECORDING, call
from langchain_community.document_loaders.parsers.audio import OpenAIWhisperParser
from langchain_core.documents.base import Blob
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

ACCESS: dict[str, Any] = {"base_url": OPENAI, "api_key": "unused"}


def transcribed(**options: Any) -> str:
    documents = OpenAIWhisperParser(**ACCESS, **options).parse(Blob.from_path(RECORDING))
    return " ".join(document.page_content for document in documents)


def embedded() -> str:
    vectors = OpenAIEmbeddings(**ACCESS, model="tiny-embed", check_embedding_ctx_length=False).embed_documents(
        ["hi", "ho"]
    )
    return f"{len(vectors)} vectors" if all(vectors) else ""


call("OpenAIWhisperParser defaults", transcribed)
for name in ("gpt-4o-transcribe", "gpt-4o-mini-transcribe"):
    call(f"OpenAIWhisperParser {name}", lambda name=name: transcribed(model=name))
for form in ("json", "text", "srt", "verbose_json", "vtt"):
    call(f"OpenAIWhisperParser response_format={form}", lambda form=form: transcribed(response_format=form))
call("OpenAIWhisperParser language", lambda: transcribed(language="en"))
call("OpenAIWhisperParser prompt, temperature", lambda: transcribed(prompt="A library.", temperature=0))
call("ChatOpenAI", lambda: ChatOpenAI(**ACCESS, model="tiny-chat").invoke("hi").content)
call("ChatOpenAI stream", lambda: "".join(c.content for c in ChatOpenAI(**ACCESS, model="tiny-chat").stream("hi")))
call("OpenAIEmbeddings", embedded)
