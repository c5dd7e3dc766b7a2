"""When two runs must have equal outputs."""

from dataclasses import replace

from speechd.folders.fingerprint import parameters_of
from speechd.formats.transcript import TRANSCRIPT_FORMATS, View
from speechd.types import TranscribeOptions, VadOptions

OPTIONS, VIEW = TranscribeOptions(language="en"), View(words=True)
JSON, SRT = TRANSCRIPT_FORMATS["verbose_json"], TRANSCRIPT_FORMATS["srt"]


def test_what_changes_an_output_changes_the_parameters() -> None:
    variants = [
        parameters_of("m", [JSON, SRT], VIEW, OPTIONS),
        parameters_of("other", [JSON, SRT], VIEW, OPTIONS),
        parameters_of("m", [JSON], VIEW, OPTIONS),
        parameters_of("m", [JSON, SRT], View(), OPTIONS),
        parameters_of("m", [JSON, SRT], VIEW, replace(OPTIONS, prompt="Names:")),
        parameters_of("m", [JSON, SRT], VIEW, replace(OPTIONS, vad=None)),
        parameters_of("m", [JSON, SRT], VIEW, replace(OPTIONS, vad=VadOptions(threshold=0.4))),
        parameters_of("m", [JSON, SRT], VIEW, replace(OPTIONS, vad=VadOptions(min_silence=0.3))),
    ]
    assert len(set(variants)) == len(variants)


def test_what_changes_nothing_leaves_them() -> None:
    same = parameters_of("m", [SRT, JSON], View(words=True, segments=True), replace(OPTIONS, temperature=0.0))
    assert same == parameters_of("m", [JSON, SRT], VIEW, OPTIONS)
