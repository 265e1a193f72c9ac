"""Parallel corpora: what is read, what is refused and what is said about it."""

import gzip
import json
import logging
import re
from itertools import count, islice
from random import Random

import pyarrow
import pyarrow.parquet
import pytest
import spacy
from spacy.util import registry

from spacy_rnn.training.parallel import ParallelCorpus, create_parallel_corpus_v1, shuffle
from spacy_rnn.training.readers.pairs import Pair

# What readers of lines, of CSV and of JSON like to take for something else.
TEXTS = [
    ("A cat.", "Eine Katze."),
    ('He said "no', "Er sagte „nein"),
    ('"quoted"', "'zitiert'"),
    ("line\u2028next\u0085line\x0bof\x0ctext\x1c!", "Zeile\u2029der\x1dnächsten\x1e!"),
    ("a NUL\x00 and a bell\x07", "ein NUL\x00"),
    ("a lone\rreturn", "ein\reinzelner"),
    ("NA", "null"),
    ("007", "1.50"),
    ("2020-01-01", "2020-01-01T00:00:00"),
    (" spaces ", " Räume  "),
    ("\ufeffa mark", "😀"),
]


@pytest.fixture
def write(tmp_path):
    """Write a file, packed if its name says so."""

    def write(name, content):
        data = content if isinstance(content, bytes) else content.encode("utf8")
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return str(path)

    return write


@pytest.fixture
def write_parquet(write):
    def write_parquet(name, records):
        sink = pyarrow.BufferOutputStream()
        table = pyarrow.Table.from_pylist(records)
        pyarrow.parquet.write_table(table, sink, row_group_size=2)
        return write(name, sink.getvalue().to_pybytes())

    return write_parquet


@pytest.fixture
def write_text(write):
    """Write two files of lines."""

    def write_text(source, target, name="corpus"):
        return {
            "source": write(f"{name}.en", source),
            "target": write(f"{name}.de", target),
        }

    return write_text


def sides(corpus):
    return [tuple(pair.sides) for pair in corpus.pairs()]


def read(*args, **settings):
    return sides(create_parallel_corpus_v1(*args, **settings))


def to_lines(rows, end="\n"):
    return "".join(row + end for row in rows)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("pack", ["", ".gz"])
def test_text_comes_as_it_stands(write, end, mark, pack):
    english, german = zip(*TEXTS, strict=True)
    source = write(f"train.en{pack}", mark + to_lines(english, end))
    # The last line may end without a line feed.
    target = write(f"train.de{pack}", mark + to_lines(german, end).removesuffix(end))
    assert read(source, target) == TEXTS


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("pack", ["", ".gz"])
def test_tsv_comes_as_it_stands(write, end, mark, pack):
    rows = to_lines((f"{german}\t{english}\tx" for english, german in TEXTS), end)
    by_number = write(f"rows.tsv{pack}", mark + rows)
    assert read(by_number, source_field=1, target_field=0) == TEXTS
    assert read(by_number, source_field="1", target_field="0") == TEXTS
    by_name = write(f"named.tsv{pack}", mark + to_lines(["de\ten\tnote"], end) + rows)
    assert read(by_name, source_field="en", target_field="de") == TEXTS
    assert read(by_name, source_field="en", target_field=0) == TEXTS


def test_first_columns_of_tsv_are_the_default(write):
    rows = to_lines("\t".join(pair) for pair in TEXTS)
    assert read(write("rows.tsv", rows)) == TEXTS


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("ascii", [True, False])
@pytest.mark.parametrize("name", ["train.jsonl", "train.jsonl.gz"])
def test_jsonl_comes_as_it_stands(write, end, ascii, name):
    records = [{"id": 1, "translation": {"en": en, "de": de}} for en, de in TEXTS]
    lines = to_lines((json.dumps(record, ensure_ascii=ascii) for record in records), end)
    fields = {"source_field": "translation.en", "target_field": "translation.de"}
    assert read(write(name, "\ufeff" + lines), **fields) == TEXTS


@pytest.mark.parametrize("name", ["train.parquet", "train.parquet.gz", "[a] *b/train.parquet"])
def test_parquet_comes_as_it_stands(write_parquet, name):
    records = [{"text": en, "translation": de, "id": 1} for en, de in TEXTS]
    assert read(write_parquet(name, records)) == TEXTS
    nested = [{"translation": {"en": en, "de": de}} for en, de in TEXTS]
    fields = {"source_field": "translation.en", "target_field": "translation.de"}
    assert read(write_parquet(name, nested), **fields) == TEXTS


def test_data_set_is_streamed(write_parquet, tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    records = [{"translation": {"en": en, "de": de}} for en, de in TEXTS]
    write_parquet("phrases/train.parquet", records)
    settings = {"source_field": "translation.en", "target_field": "translation.de"}
    corpus = create_parallel_corpus_v1(str(tmp_path / "phrases"), split="train", **settings)
    assert sides(corpus) == sides(corpus) == TEXTS
    with pytest.raises(ValueError, match=r"split 'dev'\) cannot be opened: .*\['train'\]"):
        read(str(tmp_path / "phrases"), split="dev", **settings)


def test_column_whose_name_has_a_dot(write):
    line = json.dumps({"a.b": "outer", "a": {"b": "inner", "c": "x"}})
    path = write("dots.jsonl", line)
    assert read(path, source_field="a.b", target_field="a.c") == [("outer", "x")]


def test_several_references(write):
    source = write("en", "a\nb\n")
    targets = [write("de.0", "A\nB\n"), write("de.1", "AA\nBB\n")]
    expected = [("a", "A", "AA"), ("b", "B", "BB")]
    assert read(source, targets) == expected
    rows = to_lines(map("\t".join, expected))
    assert read(write("rows.tsv", rows), target_field=[1, 2]) == expected
    records = [{"text": text, "translation": references} for text, *references in expected]
    assert read(write("train.jsonl", to_lines(map(json.dumps, records)))) == expected
    records = [dict(zip(["text", "x", "y"], pair, strict=True)) for pair in expected]
    path = write("columns.jsonl", to_lines(map(json.dumps, records)))
    assert read(path, target_field=["x", "y"]) == expected

    nlp = spacy.blank("en")
    examples = list(create_parallel_corpus_v1(source, targets)(nlp))
    assert [example.reference._.translation for example in examples] == [["A", "AA"], ["B", "BB"]]


def test_examples(write_text):
    nlp = spacy.blank("en")
    corpus = create_parallel_corpus_v1(**write_text("Don't go.\nStay!\n", "Geh nicht.\nBleib!\n"))
    first, second = corpus(nlp)
    assert [token.text for token in first.reference] == ["Do", "n't", "go", "."]
    assert first.predicted.text == first.reference.text
    assert first.predicted is not first.reference
    assert first.reference.vocab is nlp.vocab
    assert first.reference._.translation == "Geh nicht."
    assert first.predicted._.translation is None
    assert second.reference._.translation == "Bleib!"


def test_translation_under_another_name(write_text):
    corpus = create_parallel_corpus_v1(**write_text("a\n", "A\n"), attr="corpus_test_german")
    (example,) = corpus(spacy.blank("en"))
    assert example.reference._.corpus_test_german == "A"


@pytest.fixture
def resolve():
    """Resolve the settings of a corpus as spaCy does in a config."""
    name = "corpus-test.ParallelCorpus.v1"
    registry.readers.register(name, func=create_parallel_corpus_v1)
    return lambda **settings: registry.resolve({"train": {"@readers": name, **settings}})["train"]


def test_config_with_files(resolve, write_text):
    files = write_text("a\nb\n", "A\nB\n")
    assert sides(resolve(**files, on_empty="skip", limit=1)) == [("a", "A")]
    files["target"] = [files["target"], files["target"]]
    assert sides(resolve(**files, shuffle_buffer=0)) == [("a", "A", "A"), ("b", "B", "B")]
    with pytest.raises(ValueError, match="source is null"):
        resolve(source=None, target=None)


@pytest.mark.parametrize(
    ("source_field", "target_field", "expected"),
    [
        (0, 1, [("en", "de"), ("a", "A")]),
        (2, [1, 0], [("fr", "de", "en"), ("x", "A", "a")]),
        ("en", "de", [("a", "A")]),
        ("fr", ["en", "de"], [("x", "a", "A")]),
    ],
)
def test_config_with_columns(resolve, write, source_field, target_field, expected):
    path = write("rows.tsv", "en\tde\tfr\na\tA\tx\n")
    corpus = resolve(source=path, source_field=source_field, target_field=target_field)
    assert sides(corpus) == expected


FAULTS = [
    ("on_misaligned", "a\nb\n", "A\n", "corpus.de, line 2: no line .*'b', None"),
    ("on_misaligned", "a\n", "A\nB\n", "corpus.en, line 2: no line .*None, 'B'"),
    ("on_misaligned", "a\n", "A\n\n", "corpus.en, line 2: no line .*None, ''"),
    ("on_invalid_utf8", "a\nb\n", b"A\nB\xff\n", "corpus.de, line 2: bytes .*udcff"),
    ("on_invalid_utf8", b"a\n\xed\xa0\x80\n", "A\nB\n", "corpus.en, line 2: bytes .*udced"),
    ("on_empty", "a\n\n", "A\nB\n", "corpus.en, line 2: an empty side: .*'', 'B'"),
    ("on_empty", "a\nb\n", "A\n \t\n", "corpus.de, line 2: an empty side: .*'b', "),
    ("on_empty", "a\n\n", "A\n\n", "corpus.en, line 2: an empty side"),
    (
        "on_too_long",
        "a\nabcd\n",
        "A\nB\n",
        "corpus.en, line 2: a side of more than 3 characters: .*abcd",
    ),
    ("on_too_long", "a\nb\n", "A\näöüß\n", "corpus.de, line 2: a side .*äöüß"),
]


@pytest.mark.parametrize(("rule", "source", "target", "message"), FAULTS)
def test_faults_are_refused_or_skipped(write_text, caplog, rule, source, target, message):
    files = write_text(source, target)
    caplog.set_level(logging.WARNING, "spacy")
    corpus = create_parallel_corpus_v1(**files, max_length=3)
    pairs = corpus.pairs()
    assert next(pairs).sides == ["a", "A"]
    with pytest.raises(ValueError, match=f'{message}.*Correct the corpus, or set {rule} to "'):
        next(pairs)
    assert not caplog.messages
    assert read(**files, max_length=3, **{rule: "skip"}) == [("a", "A")]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    (line,) = caplog.messages
    assert line.startswith(f"{files['source']}: skipped pairs with ")
    assert line.endswith(f': 1, the first in line 2 ({rule} = "skip")')


def test_long_rest_is_counted(write_text, caplog):
    files = write_text("a\n", "A\nB\nC\nD\n")
    assert read(**files, on_misaligned="skip") == [("a", "A")]
    assert re.search(": 3, the first in line 2 ", *caplog.messages)


def test_empty_sides_are_kept(write_text, caplog):
    files = write_text("a\n\n\n", "\nB\n\n")
    corpus = create_parallel_corpus_v1(**files, on_empty="keep")
    assert sides(corpus) == [("a", ""), ("", "B"), ("", "")]
    assert re.search(
        r'accepted pairs with an empty side: 3, .* line 1 \(on_empty = "keep"\)', caplog.text
    )
    translations = [example.reference._.translation for example in corpus(spacy.blank("en"))]
    assert translations == ["", "B", ""]


def test_invalid_bytes_are_replaced(write, write_text, caplog):
    files = write_text(b"a\xffb\nc\n", b"A\n\xe4\xf6\n")
    expected = [("a\ufffdb", "A"), ("c", "\ufffd\ufffd")]
    corpus = create_parallel_corpus_v1(**files, on_invalid_utf8="replace")
    assert sides(corpus) == expected
    assert ': 2, the first in line 1 (on_invalid_utf8 = "replace")' in caplog.text
    assert [example.text for example in corpus(spacy.blank("en"))] == ["a\ufffdb", "c"]
    path = write("train.jsonl", b'{"text": "\\ud800", "translation": "\xff", "other": "\xff"}')
    assert read(path, on_invalid_utf8="replace") == [("\ufffd", "\ufffd")]


def test_bytes_in_other_columns_do_no_harm(write):
    path = write("rows.tsv", b"a\tA\t\xff\n")
    assert read(path) == [("a", "A")]


def test_each_kind_of_fault_has_a_line(write_text, caplog):
    files = write_text(b"a\n\n\xff\nabcd\n\ne\n", "A\nB\nC\nD\nE\n")
    skip = dict.fromkeys(["on_misaligned", "on_invalid_utf8", "on_empty", "on_too_long"], "skip")
    corpus = create_parallel_corpus_v1(**files, max_length=3, **skip)
    for _ in range(2):
        caplog.clear()
        assert sides(corpus) == [("a", "A")]
        found = [re.search(r": (\d), the first in line (\d) \((\w+)", m) for m in caplog.messages]
        assert {line.group(3): (line.group(1), line.group(2)) for line in found} == {
            "on_empty": ("2", "2"),
            "on_invalid_utf8": ("1", "3"),
            "on_too_long": ("1", "4"),
            "on_misaligned": ("1", "6"),
        }


def test_what_was_skipped_is_said_when_a_pass_is_left(write_text, caplog):
    examples = create_parallel_corpus_v1(**write_text("\na\nb\n", "\nA\nB\n"), on_empty="skip")
    assert len(list(islice(examples(spacy.blank("en")), 1))) == 1
    assert "skipped pairs with an empty side: 1" in caplog.text


@pytest.mark.parametrize("name", ["blank.tsv", "blank.jsonl"])
def test_blank_lines_of_records_are_empty_pairs(write, name):
    row = "a\tA" if name.endswith("tsv") else '{"text": "a", "translation": "A"}'
    path = write(name, f"{row}\n\n{row}\n\n\n")
    with pytest.raises(ValueError, match=f"{name}, line 2: an empty side"):
        read(path)
    assert read(path, on_empty="skip") == [("a", "A")] * 2
    assert read(path, on_empty="keep") == [("a", "A"), ("", ""), ("a", "A"), ("", ""), ("", "")]


@pytest.mark.parametrize("value", [None, "", [], [None], ["", None, " "]])
def test_missing_translations_are_empty_sides(write, value):
    path = write("train.jsonl", json.dumps({"text": "a", "translation": value}))
    with pytest.raises(ValueError, match=r"train\.jsonl, line 1: an empty side: \['a', "):
        read(path)


@pytest.mark.parametrize("policy", ["error", "skip", "keep"])
def test_a_missing_reference_costs_no_other(write, policy, caplog):
    """With a text there is nothing wrong with the pair, whatever is done with those that are."""
    values = [["A", None], ["", "B", "BB"], ["C", "CC"], ["D"]]
    rows = [{"text": "x", "translation": value} for value in values]
    path = write("train.jsonl", to_lines(map(json.dumps, rows)))
    expected = [("x", "A"), ("x", "B", "BB"), ("x", "C", "CC"), ("x", "D")]
    corpus = create_parallel_corpus_v1(path, on_empty=policy)
    assert sides(corpus) == expected
    assert "left out empty references of pairs that have another one: 2, the first in" in (
        caplog.text
    )
    translations = [example.reference._.translation for example in corpus(spacy.blank("en"))]
    assert translations == ["A", ["B", "BB"], ["C", "CC"], "D"]
    files = write("en", "a\nb\n"), [write("de.0", "A\n\n"), write("de.1", "\nBB\n")]
    assert read(*files, on_empty=policy) == [("a", "A"), ("b", "BB")]
    files = write("en", "\n"), [write("de.0", "A\n"), write("de.1", "\n")]
    if policy == "error":
        with pytest.raises(ValueError, match="en, line 1: an empty side"):
            read(*files)
    else:
        assert read(*files, on_empty=policy) == ([] if policy == "skip" else [("", "A", "")])


def test_limit_and_length(write_text, caplog):
    files = write_text("a\n\nb\nc\n", "A\nx\nB\n")
    # The files' ends are not reached, so nothing is wrong with them.
    assert read(**files, limit=2, on_empty="skip") == [("a", "A"), ("b", "B")]
    files = write_text("abc\n", "ABC\n")
    assert read(**files, max_length=3) == [("abc", "ABC")]


def test_each_pass_has_its_own_order(write_text):
    numbers = [str(number) for number in range(60)]
    files = write_text(to_lines(numbers), to_lines(numbers))
    expected = [(number, number) for number in numbers]
    assert read(**files) == expected
    corpora = [create_parallel_corpus_v1(**files, shuffle_buffer=10, seed=s) for s in (0, 0, 1)]
    passes = [[sides(corpus) for _ in range(3)] for corpus in corpora]
    assert passes[0] == passes[1]
    orders = [tuple(order) for order in (*passes[0], *passes[2])]
    assert len(set(orders)) == 6
    assert tuple(expected) not in orders
    for order in orders:
        assert sorted(order) == sorted(expected)


def test_orders_are_the_same_in_another_process(write_text, run_python):
    files = write_text("1\n2\n3\n4\n5\n6\n7\n", "1\n2\n3\n4\n5\n6\n7\n")
    settings = {**files, "shuffle_buffer": 7}
    script = (
        "from spacy_rnn.training.parallel import create_parallel_corpus_v1 as create\n"
        f"print([tuple(pair.sides) for pair in create(**{settings}).pairs()])"
    )
    assert run_python("-c", script).strip() == str(read(**settings))


def test_shuffle_holds_no_more_than_its_buffer():
    drawn = []
    for position, number in enumerate(shuffle(count(), 20, Random(0))):
        assert number <= position + 20
        drawn.append(number)
        if position == 500:
            break
    # What is held for long is rare, so that the order is mixed and nothing is stuck.
    assert 10 < sum(abs(number - position) for position, number in enumerate(drawn)) / 500 < 40


def test_what_fits_into_the_buffer_is_shuffled_too():
    orders = {tuple(shuffle(range(20), 100, Random(seed))) for seed in range(5)}
    assert len(orders) == 5
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(20))}


@pytest.mark.parametrize("shuffle_buffer", [0, 5])
def test_corpus_is_streamed(shuffle_buffer):
    taken = []

    def endless():
        for number in count(1):
            taken.append(number)
            yield Pair(number, [f"source {number}", f"target {number}"], {})

    policies = {"on_empty": "error"}
    corpus = ParallelCorpus(endless, ["endless"], policies, shuffle_buffer=shuffle_buffer)
    examples = corpus(spacy.blank("en"))
    assert not taken
    assert len(list(islice(examples, 3))) == 3
    assert len(taken) == 3 + shuffle_buffer


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source": None}, "source is null: name a file"),
        ({"source": "no.en"}, "There is no file 'no.en': correct the path, or set split"),
        ({"source": "{en}", "target": "no.de"}, "There is no file 'no.de'"),
        ({"source": "{en}"}, "one side of a corpus: set target to the file"),
        ({"source": "{en}", "split": "train"}, "which has no split 'train': set split = null"),
        ({"source": "{jsonl}", "target": "{en}"}, "holds both sides, .* set target = null"),
        ({"subset": "de-en"}, "subset is 'de-en' but split is null: set it to a part"),
        (
            {"source_field": "en"},
            "which has no columns: set source_field and target_field to null",
        ),
        ({"target_field": 1}, "which has no columns: set source_field and target_field to null"),
        ({"on_empty": "drop"}, 'on_empty is \'drop\': set it to "error" or "skip" or "keep"'),
        ({"on_misaligned": "keep"}, 'on_misaligned is \'keep\': set it to "error" or "skip"$'),
        ({"on_invalid_utf8": ""}, 'set it to "error" or "replace" or "skip"$'),
        ({"on_too_long": "cut"}, 'on_too_long is \'cut\': set it to "error" or "skip"$'),
        ({"limit": -1}, "limit is -1, but has to be at least 0"),
        ({"max_length": -1}, "max_length is -1, but has to be at least 0"),
        ({"shuffle_buffer": -1}, "shuffle_buffer is -1, but has to be at least 0"),
    ],
)
def test_wrong_settings_are_refused_at_once(write, settings, message):
    paths = {"en": write("train.en", "a\n"), "jsonl": write("train.jsonl", "{}")}
    settings = {
        "source": "{en}",
        **({} if "source" in settings else {"target": "{en}"}),
        **settings,
    }
    settings = {
        name: value.format(**paths) if isinstance(value, str) else value
        for name, value in settings.items()
    }
    with pytest.raises(ValueError, match=message):
        create_parallel_corpus_v1(**settings)


@pytest.mark.parametrize(
    ("name", "second", "settings", "message"),
    [
        ("jsonl", '{"text": "a"', {}, 'line 2: correct what is no JSON .*"text": "a"'),
        ("jsonl", '["a", "A"]', {}, r"line 2: write an object with columns, not \['a', 'A'\]"),
        ("jsonl", '{"text": "a"}', {}, r"line 2: target_field = 'translation' .* \['text'\]"),
        ("jsonl", '{"text": 5, "translation": "A"}', {}, "line 2: source_field = 'text' holds 5"),
        (
            "jsonl",
            '{"text": ["a", "b"], "translation": "A"}',
            {},
            "line 2: the source is one text",
        ),
        ("jsonl", "{}", {"target_field": "text.de"}, "line 1: target_field = 'text.de' is no col"),
        ("tsv", "a", {}, r"line 2: 1 columns where line 1 has 2: \['a'\]. Correct the tabs"),
        ("tsv", "a\tA\tb", {"source_field": "text"}, "line 2: 3 columns where line 1 has 2"),
        (
            "tsv",
            "a\tA",
            {"source_field": "en"},
            "line 2: source_field = 'en' is no column: .*'text'",
        ),
    ],
)
def test_wrong_records_are_refused(write, name, second, settings, message):
    first = {
        "jsonl": '{"text": "a", "translation": "A"}',
        "tsv": "text\ttranslation",
    }
    path = write(f"train.{name}", f"{first[name]}\n{second}\n")
    with pytest.raises(ValueError, match=rf"train\.{name}, {message}"):
        read(path, **settings)


TAB = "A big\tman.\tEin Mann."
MISALIGNED = {
    "no tab": ("tsv", ["a\tA", "no tab", "b\tB"], {}, r"1 columns where line 1 has 2: \['no tab"),
    "stray tab": ("tsv", ["a\tA", TAB, "b\tB"], {}, r"3 columns where line 1 has 2: \['A big'"),
    "columns after those that are read": (
        "tsv",
        ["a\tA\tx", "c\tC", "b\tB\tx"],
        {},
        "2 columns where line 1 has 3",
    ),
    "names": (
        "tsv",
        ["en\tde", "a\tA", TAB, "b\tB"],
        {"source_field": "en", "target_field": "de"},
        "3 columns where line 1 has 2",
    ),
    "first line without a tab": (
        "tsv",
        ["", "no tab", "a\tA", "b\tB"],
        {"on_empty": "skip"},
        r"target_field = 1 is no column: there are \[0\]. Choose another or",
    ),
    "no key": (
        "jsonl",
        [
            '{"text": "a", "translation": "A"}',
            '{"text": "c"}',
            '{"text": "b", "translation": "B"}',
        ],
        {},
        r"target_field = 'translation' is no column: there are \['text'\]",
    ),
    "no inner key": (
        "jsonl",
        ['{"t": {}}', '{"t": {"en": "a", "de": "A"}}', '{"t": {"en": "b", "de": "B"}}'],
        {"source_field": "t.en", "target_field": "t.de"},
        r"source_field = 't.en' is no column: there are \[\]",
    ),
}


@pytest.mark.parametrize("case", MISALIGNED)
def test_misaligned_records_are_refused_or_skipped(write, caplog, case):
    """What is skipped is counted, and nothing of it becomes a pair."""
    form, lines, settings, message = MISALIGNED[case]
    path = write(f"train.{form}", to_lines(lines))
    way_out = 'orrect the .*, or set on_misaligned to "skip"$'
    with pytest.raises(ValueError, match=rf"train\.{form}, line \d: {message}.*{way_out}"):
        read(path, **settings)
    caplog.clear()
    assert read(path, on_misaligned="skip", **settings) == [("a", "A"), ("b", "B")]
    (report,) = [line for line in caplog.messages if "on_misaligned" in line]
    assert "skipped pairs with a missing line or column, or one too many: 1, " in report


@pytest.mark.parametrize("rule", ["error", "skip"])
@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("tsv", ["a", "b"], r"target_field = 1 is no column: there are \[0\]"),
        ("jsonl", ['{"text": "a"}'] * 2, r"'translation' is no column: there are \['text'\]"),
    ],
)
def test_field_that_no_record_has_is_always_an_error(write, rule, name, lines, message):
    path = write(f"train.{name}", to_lines(lines))
    position = "line 1 and all others" if rule == "skip" else "line 1"
    with pytest.raises(ValueError, match=rf"{name}, {position}: .*{message}. Choose another"):
        read(path, on_misaligned=rule)


@pytest.mark.parametrize("name", ["train.tsv.gz", "train.jsonl.gz", "train.parquet.gz"])
@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: b"no gzip"])
def test_damaged_files_are_named(write, tmp_path, name, damage):
    path = write(name, '{"text": "a",\t"translation": "c"}\n' * 100)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(damage(data))
    with pytest.raises(ValueError, match=rf"{name} cannot be read after .*Fetch or "):
        read(path, source_field=None)


def test_files_that_are_no_parquet_are_named(write):
    with pytest.raises(ValueError, match=r"junk\.parquet cannot be read after row 0: Parquet "):
        read(write("junk.parquet", b"junk"))


def test_hub_that_cannot_be_reached(run_python):
    script = (
        "import sys\n"
        "from spacy_rnn.training.parallel import create_parallel_corpus_v1\n"
        "assert not {'datasets', 'pyarrow'} & set(sys.modules)\n"
        "corpus = create_parallel_corpus_v1('some/phrases', split='train')\n"
        "try:\n    list(corpus.pairs())\nexcept ValueError as error:\n    print(error)"
    )
    message = run_python("-c", script, HF_HUB_OFFLINE="1")
    assert "data set 'some/phrases' (subset None, split 'train') cannot be opened" in message
    assert "see that the hub can be reached, or download a file" in message
