import pytest

from speechd.api.multipart import MAX_FILENAME, MAX_PARTS, MAX_TEXT_BYTES, MultipartReader
from speechd.errors import InvalidRequest, TooLarge


def part(disposition: str, content: bytes) -> bytes:
    return b"--b\r\nContent-Disposition: form-data; " + disposition.encode() + b"\r\n\r\n" + content + b"\r\n"


FILE = part('name="file"; filename="a.wav"', b"RIFF\r\n--c\r\n")
MODEL = part('name="model"', b"m")
END = b"--b--\r\n"


def read(body: bytes, step: int = 1 << 20, limit: int = 100) -> tuple[MultipartReader, bytes]:
    reader = MultipartReader(b"b", limit)
    audio = b""
    for start in range(0, len(body), step):
        reader.feed(body[start : start + step])
        audio += reader.take_audio()
    reader.finish()
    return reader, audio


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize("body", [FILE + MODEL + END, MODEL + FILE + END, b"\r\n" + MODEL + FILE + END + b"epilogue"])
def test_any_order_in_any_pieces(body: bytes, step: int) -> None:
    reader, audio = read(body, step)
    assert audio == b"RIFF\r\n--c\r\n"
    assert reader.pairs == [("model", "m")]
    assert reader.has_file


def test_text_is_utf8_and_names_repeat() -> None:
    body = part('name="prompt"', "Grüße".encode()) + part('name="a[]"', b"1") + part('name="a[]"', b"") + END
    assert read(body)[0].pairs == [("prompt", "Grüße"), ("a[]", "1"), ("a[]", "")]


@pytest.mark.parametrize(
    ("names", "filename"),
    [
        ("filename*=UTF-8''%D0%93%D0%BE%D0%BB%D0%BE%D1%81.wav", "Голос.wav"),
        ("FileName* = utf-8'ru'%D0%93.wav", "Г.wav"),
        ("filename*=\"UTF-8''%D0%93.wav\"", "Г.wav"),
        ("filename*=iso-8859-1''gr%FC%DFe.wav", "grüße.wav"),
        ("filename*=klingon''a.wav", "a.wav"),
        ("filename*=''a.wav", "a.wav"),
        ("filename=\"plain.wav\"; filename*=UTF-8''other.wav", "plain.wav"),
    ],
)
def test_a_file_may_have_its_name_in_extended_form_only(names: str, filename: str) -> None:
    reader, audio = read(part(f'name="file"; {names}', b"RIFF") + END)
    assert (reader.filename, audio) == (filename, b"RIFF")


@pytest.mark.parametrize("names", ['filename="{}"', "filename*=UTF-8''{}"])
def test_a_file_name_that_is_too_long_is_told(names: str) -> None:
    assert read(part(f'name="file"; {names.format("a" * MAX_FILENAME)}', b"RIFF") + END)[1] == b"RIFF"
    with pytest.raises(InvalidRequest, match="file name of `file` is too long: it has 5000 characters") as caught:
        read(part(f'name="file"; {names.format("a" * 5000)}', b"RIFF") + END, step=1000)
    assert caught.value.param == "file"


def test_headers_have_a_limit() -> None:
    with pytest.raises(InvalidRequest, match="a header of more than 65536 bytes"):
        read(part(f'name="file"; filename="{"a" * 70_000}"', b"RIFF") + END)
    with pytest.raises(InvalidRequest, match="a name that is too long"):
        read(part(f'name="{"a" * 5000}"', b"RIFF") + END)


def test_the_part_with_the_file_may_have_another_name() -> None:
    reader = MultipartReader(b"b", 100, "audio_file")
    reader.feed(part('name="audio_file"; filename="audio_file"', b"PCM") + FILE + END)
    assert (reader.take_audio(), reader.filename) == (b"PCM", "audio_file")
    with pytest.raises(InvalidRequest, match="`audio_file` must be sent as a file"):
        MultipartReader(b"b", 100, "audio_file").feed(part('name="audio_file"', b"PCM") + END)


def test_other_files_are_ignored() -> None:
    reader, audio = read(part('name="cover"; filename="c.png"', b"PNG" * 100) + FILE + END)
    assert audio.startswith(b"RIFF")
    assert reader.pairs == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"garbage", "malformed"),
        (FILE, "ends before"),
        (FILE[:30], "ends before"),
        (b"", "ends before"),
        (part("", b"x") + END, "no name"),
        (part('name="file"', b"RIFF") + END, "as a file"),
        (part('name="file"; filename=""', b"") + END, "empty file name"),
        (part("name=\"file\"; filename*=UTF-8''", b"") + END, "empty file name"),
        (part('name="file"; filename="a.wav"', b"") + END, "empty"),
        (FILE + FILE + END, "Only one"),
        (part('name="prompt"', b"\xff\xfe") + END, "UTF-8"),
        (MODEL * (MAX_PARTS + 1) + END, "parts"),
        (part('name="prompt"', b"x" * (MAX_TEXT_BYTES + 1)) + END, "too long"),
        (b"--b\r\n" + b"X-A: b\r\n" * 1000 + b"\r\nx\r\n" + END, "malformed"),
        (b"--b\r\nX-A: " + b"b" * 100_000 + b"\r\n\r\nx\r\n" + END, "malformed"),
    ],
)
def test_what_is_wrong_is_said(body: bytes, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        read(body)


def test_a_file_over_the_limit() -> None:
    read(part('name="file"; filename="a"', b"x" * 100) + END, limit=100)
    with pytest.raises(TooLarge):
        read(part('name="file"; filename="a"', b"x" * 101) + END, limit=100)


@pytest.mark.parametrize("boundary", [b"", b"x" * 10_000])
def test_unusable_boundaries(boundary: bytes) -> None:
    with pytest.raises(InvalidRequest, match="boundary"):
        MultipartReader(boundary, 100)


def test_malformed_bodies_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InvalidRequest):
        read(b"garbage")
    assert caplog.text == ""
