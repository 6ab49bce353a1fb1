import subprocess
import sys

import pytest

import joint_ie
from joint_ie.cli import main as cli
from joint_ie.errors import InputError

HELP = """
import contextlib, io, sys
from joint_ie.cli.main import COMMANDS, main
for words in (["--help"], *([name, "--help"] for name in COMMANDS)):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        try:
            main(words)
        except SystemExit as stop:
            assert stop.code == 0, words
    assert "usage: joint-ie" in text.getvalue() and "options" in text.getvalue(), words
    if words == ["--help"]:
        assert all(name in text.getvalue() for name in COMMANDS)
heavy = {"torch", "transformers", "accelerate", "spacy", "scipy"} & set(sys.modules)
assert not heavy, heavy
"""


def test_help_of_every_command_is_quick() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["trian"],
        ["train"],
        ["train", "x.yaml"],
        ["evaluate", "model"],
        ["predict", "model", "corpus"],
        ["tune", "model", "corpus", "--threads", "0"],
        ["pack", "model", "output", "--size", "3"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_2(words: list[str], capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(words)
    error = capsys.readouterr().err
    assert error.startswith("usage: joint-ie") and "error:" in error


@pytest.mark.parametrize(
    ("words", "usage", "said"),
    [
        (["extract", "--nonsense", "x"], "joint-ie extract", "unrecognized arguments: --nonsense"),
        (
            ["graph", "build", "--nonsense", "x", "-o", "g"],
            "joint-ie graph build",
            "unrecognized arguments: --nonsense",
        ),
        (["adapt", "x", "a=1", "-o", "y", "b=2", "--nonsense"], "joint-ie adapt", "unrecognized arguments: --nonsense"),
        (["--nonsense", "info"], "joint-ie", "unrecognized arguments: --nonsense"),
        (["extract", "--min-score", "abc"], "joint-ie extract", "'abc' should be a number from 0 to 1"),
        (["extract", "--min-score", "2"], "joint-ie extract", "2 should be from 0 to 1"),
        (["extract", "--threads", "x"], "joint-ie extract", "'x' should be a whole number of at least 1"),
        (["study", "run", "x", "--seeds", "1,b"], "joint-ie study run", "'1,b' should be whole numbers with commas"),
    ],
)
def test_mistakes_are_said_of_the_command(words: list[str], usage: str, said: str, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(words)
    error = capsys.readouterr().err
    assert error.startswith(f"usage: {usage} [-h]") and f"\n{usage}: error: " in error and said in error


def test_version(capsys) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"joint-ie {joint_ie.__version__}\n"


def test_interrupted_while_commands_are_imported(monkeypatch, capsys) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "import_module", interrupted)
    assert cli.main(["info"]) == 130
    assert capsys.readouterr().err == "joint-ie: interrupted\n"


class Command:
    """A command that does what a test says."""

    def __init__(self, run) -> None:
        self.run = run

    def add_parser(self, commands) -> None:
        commands.add_parser("data").set_defaults(run=self.run)


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (InputError("a.json: is empty; fetch it again"), 1, "joint-ie: a.json: is empty; fetch it again\n"),
        (KeyboardInterrupt(), 130, "joint-ie: interrupted\n"),
    ],
)
def test_exit_statuses(raised, status, said, monkeypatch, capsys) -> None:
    def run(args) -> int:
        raise raised

    monkeypatch.setattr(cli, "COMMANDS", ("data",))
    monkeypatch.setattr(cli, "import_module", lambda name: Command(run))
    assert cli.main(["data"]) == status
    assert capsys.readouterr() == ("", said)


def test_the_status_of_a_command_is_that_of_the_program(monkeypatch) -> None:
    monkeypatch.setattr(cli, "COMMANDS", ("data",))
    for status in (0, 1, 2):
        monkeypatch.setattr(cli, "import_module", lambda name, status=status: Command(lambda args: status))
        assert cli.main(["data"]) == status


def test_mistakes_of_the_program_are_not_hidden(monkeypatch) -> None:
    def run(args) -> int:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(cli, "COMMANDS", ("data",))
    monkeypatch.setattr(cli, "import_module", lambda name: Command(run))
    with pytest.raises(ValueError, match="a mistake of ours"):
        cli.main(["data"])
