"""Markdown and LaTeX of a report: what is written is what a reader sees, whatever variants are called."""

import re
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from joint_ie.study.report import latex as latex_module
from joint_ie.study.report import markdown as markdown_module
from joint_ie.study.report.assembly import report_of
from joint_ie.study.report.blocks import Report, Table
from joint_ie.study.report.latex import latex
from joint_ie.study.report.markdown import markdown
from joint_ie.study.results import Results

SIGNS = "<b>&_%$#{}~^\\|`*[]()!\"'-+.,;:=/?@ \n\ta1é中±−³†‡§¶·\u2028\x00"
texts = st.text(st.sampled_from(SIGNS), max_size=30) | st.text(max_size=20)


def flat(text: str) -> str:
    return " ".join(text.split())


def seen_in_markdown(source: str) -> list[str]:
    """The texts of the cells of all tables, as CommonMark with tables reads them."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(source)
    cells = []
    for before, token in pairwise(tokens):
        if before.type in ("td_open", "th_open"):
            assert {child.type for child in token.children} <= {"text", "text_special"}, token.content
            cells.append("".join(child.content for child in token.children))
    return cells


def report_with(name: str) -> Report:
    table = Table("t", name, name, ("", name), ((name, "1.00"), ("other", "2.00")), notes=(name,))
    return Report(
        name,
        name,
        ((name, name),),
        (name,),
        (SimpleNamespace(title=name, paragraphs=(name,), pictures=(), tables=(table,)),),
    )


@given(texts)
def test_markdown_shows_any_name_as_it_is(name: str) -> None:
    # CommonMark itself replaces NUL
    name = name.replace("\x00", "")
    source = markdown(report_with(name), ())
    assert seen_in_markdown(source) == ["", flat(name), flat(name), "1.00", "other", "2.00"]
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(source)
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
    assert kinds <= {
        *("heading", "inline", "paragraph", "blockquote", "bullet_list", "list_item"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }


def untexed(text: str) -> str:
    """What LaTeX prints of escaped text; fails at anything that it would not print as it stands."""
    known = {
        r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^", r"\textless{}": "<",
        r"\textgreater{}": ">", r"\textbar{}": "|", r"\char34{}": '"', r"\textasciigrave{}": "`", "{-}": "-",
        "{,}": ",", "{'}": "'", "{[}": "[", "{]}": "]", "{*}": "*", r"$\pm$": "±", "$-$": "−", "$^3$": "³",
        r"\dag{}": "†", r"\ddag{}": "‡", r"\S{}": "§", r"\P{}": "¶",
        r"\textperiodcentered{}": "·", **{rf"\{sign}": sign for sign in "{}&%$#_"},
    }  # fmt: skip
    found, place = "", 0
    while place < len(text):
        macro = next((macro for macro in sorted(known, key=len, reverse=True) if text.startswith(macro, place)), None)
        if macro is None:
            assert text[place] not in '\\{}&%$#_~^<>|"`[]*', text[place:]
            assert text[place : place + 2] not in ("--", ",,", "''"), text[place:]
        found += known[macro] if macro else text[place]
        place += len(macro or " ")
    return found


@given(texts)
def test_latex_shows_any_name_as_it_is(name: str) -> None:
    printable = "".join(sign if sign.isprintable() else " " for sign in name)
    assert untexed(latex_module.escaped(name)) == flat(printable)


@given(texts)
def test_no_name_opens_or_ends_anything_in_latex(name: str) -> None:
    source = latex(report_with(name), ())
    lines = [line for line in source.split("\n") if not line.startswith("%")]
    balanced("\n".join(lines))
    assert len([line for line in lines if line.endswith(r" \\")]) == 3


def balanced(source: str) -> None:
    depth = 0
    for sign in re.findall(r"\\.|[{}]|%(?=.)", source):
        assert sign != "%", source  # nothing but the end of a line is commented out
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0
    opened = re.findall(r"\\begin\{(\w+)\}", source)
    assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+)\}", source))


@pytest.fixture(scope="module")
def report(found: Results) -> Report:
    return report_of(found)


def test_every_row_of_latex_has_the_columns_of_its_table(report: Report) -> None:
    source = latex(report, {"scores", "curves", "cost"})
    balanced("\n".join(line for line in source.split("\n") if not line.startswith("%")))
    tables = re.findall(r"\\begin\{tabular\}\{([lr]+)\}\n(.*?)\\end\{tabular\}", source, re.DOTALL)
    assert len(tables) == sum(len(section.tables) for section in report.sections)
    for columns, content in tables:
        rows = [line for line in content.split("\n") if line.endswith(r"\\")]
        assert len(rows) >= 2
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns)}
        assert all(re.search(rf"\\{rule}", content) for rule in ("toprule", "midrule", "bottomrule"))
    assert source.count(r"\includegraphics") == 3
    labels = re.findall(r"\\label\{(.*?)\}", source)
    assert len(labels) == len(set(labels)) and all(
        re.fullmatch(r"(tab|fig):losses:[a-z0-9-]+", label) for label in labels
    )


def test_markdown_has_all_tables_and_only_the_pictures_that_are_there(report: Report, small: SimpleNamespace) -> None:
    source = markdown(report, {"scores"})
    cells = seen_in_markdown(source)
    assert small.EVIL in cells and f"{small.EVIL} ‡" in cells
    assert source.count("![") == 1 and "](figures/scores.svg)" in source
    assert "atlop (baseline)" in source


def test_long_tables_are_cut_on_paper_and_say_so() -> None:
    rows = tuple((f"row {i}", *(str(j) for j in range(5))) for i in range(10))
    table = Table("t", "title", "scope", ("", *"abcde"), rows, rows_shown=4, columns_shown=3)
    cut = table.shortened()
    assert cut.columns == ("", "a", "b") and cut.rows == tuple(row[:3] for row in rows[:4])
    assert cut.notes == ("6 more rows and 3 more columns are in report.html and report.json.",)
    one = replace(table, rows_shown=9, columns_shown=6).shortened()
    assert one.notes == ("1 more row is in report.html and report.json.",)
    whole = replace(table, rows_shown=10, columns_shown=6)
    assert whole.shortened() == whole


def test_questions_that_look_like_lists_are_paragraphs() -> None:
    for question in ("1. Is it?", "- Is it?", "+ it", "12) it"):
        tokens = MarkdownIt().parse(markdown_module.markdown(replace(report_with("x"), question=question), ()))
        assert tokens[3].type == "paragraph_open" and tokens[4].children[0].content.startswith(question[0])
