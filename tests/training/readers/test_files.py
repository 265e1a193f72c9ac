"""Lines of files, whatever encoding they have."""

import gzip
import io
import sys

import pytest

from spacy_rnn.training.readers.files import check_lines, decode_lines, read_lines, read_text

LINES = ["Où est la gare ?", "", "\u2028 x\x0b", "ça"]
TEXT = "\n".join([*LINES, ""])


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("codec", "setting"),
    [
        ("utf-8", "utf8"),
        ("utf-8-sig", "utf8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "utf8"),
        ("utf-16", "utf-16"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf8"),
        ("latin-1", "latin-1"),
    ],
)
def test_lines_are_those_that_were_written(tmp_path, codec, setting, packed, line_end):
    path = tmp_path / ("a.txt.gz" if packed else "a.txt")
    lines = [line for line in LINES if codec != "latin-1" or "\u2028" not in line]
    data = "".join(line + line_end for line in lines).encode(codec)
    path.write_bytes(gzip.compress(data) if packed else data)
    assert list(read_lines(path, setting)) == list(enumerate(lines, 1))
    assert read_text(path, setting) == "".join(f"{line}\n" for line in lines)
    assert list(decode_lines(io.BytesIO(data), "a", setting)) == list(enumerate(lines, 1))


@pytest.mark.parametrize(
    ("policy", "lines"),
    [("replace", ["a", "caf\ufffd", "b", "\ufffd"]), ("skip", ["a", "", "b", ""])],
)
def test_bytes_that_are_not_utf8_follow_the_policy_and_are_counted(policy, lines):
    warnings = []
    read = decode_lines(io.BytesIO(b"a\ncaf\xe9\nb\n\xff"), "it")
    assert list(check_lines(read, "it", on_invalid_utf8=policy, warn=warnings.append)) == lines
    (warning,) = warnings
    assert "2 lines with bytes that are not utf8, the first line 2" in warning


def test_bytes_that_are_not_utf8_are_an_error_by_choice():
    read = decode_lines(io.BytesIO(b"a\ncaf\xe9\n"), "it")
    with pytest.raises(ValueError, match=r"it, line 2: bytes that are not utf8: .* Convert the"):
        list(check_lines(read, "it"))
    with pytest.raises(ValueError, match='on_invalid_utf8 is "no", but has to be one of "error"'):
        list(check_lines([], "it", on_invalid_utf8="no"))


def test_lines_without_faults_cause_no_warning():
    assert list(check_lines([(1, "a\x00b")], "it", warn=sys.exit)) == ["a\x00b"]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_not_taken_for_utf8(codec):
    data = io.BytesIO("I am tired.\nWhere?\n".encode(codec))
    with pytest.raises(
        ValueError, match=r"it is not utf8 but UTF-16, .* set encoding to utf-16-le"
    ):
        list(decode_lines(data, "it"))


def test_a_file_that_ends_within_a_character_is_an_error():
    data = io.BytesIO("ab\nc".encode("utf-16")[:-1])
    with pytest.raises(ValueError, match=r"it cannot be read after line 1: .*truncated"):
        list(decode_lines(data, "it"))
