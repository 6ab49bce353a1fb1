import subprocess
import sys

import pytest

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
