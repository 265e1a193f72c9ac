"""Links are right both in the repository and on the site."""

import pytest

pytest.importorskip("griffe")
pytest.importorskip("mkdocs")
hooks = pytest.importorskip("hooks")

REPOSITORY = "https://forge/us"


@pytest.mark.parametrize(
    ("text", "written", "page", "rewritten"),
    [
        ("[a](docs/usage/b.md#c)", "CHANGELOG.md", "changelog.md", "[a](usage/b.md#c)"),
        ("[a](../b.md)", "docs/usage/c.md", "usage/c.md", "[a](../b.md)"),
        ("![a](../img/b.svg)", "docs/usage/c.md", "usage/c.md", "![a](../img/b.svg)"),
        (
            "[a](../configs/ner.cfg)",
            "docs/b.md",
            "b.md",
            f"[a]({REPOSITORY}/blob/main/configs/ner.cfg)",
        ),
        ("[a](configs)", "CHANGELOG.md", "changelog.md", f"[a]({REPOSITORY}/tree/main/configs)"),
        ("[a]: ../configs", "docs/b.md", "b.md", f"[a]: {REPOSITORY}/tree/main/configs"),
        ("[a](https://x.y) [b](#c)", "docs/b.md", "b.md", "[a](https://x.y) [b](#c)"),
        ("```\n[a](../configs)\n```", "docs/b.md", "b.md", "```\n[a](../configs)\n```"),
    ],
)
def test_links_are_rewritten_for_the_page(text, written, page, rewritten):
    assert hooks.rewrite(text, written, page, REPOSITORY) == rewritten
