"""Standard output that is full, closed, or read by nobody any more; in processes of their own, as it is theirs."""

import subprocess
import sys

import pytest

COMMAND = """
import sys
from joint_ie.cli import main as cli
from joint_ie.cli.tables import wide_console
from joint_ie.errors import InputError

def printed(args):
    print("a line")

def much(args):
    for i in range(100_000):
        print("a line")

def bytes_(args):
    try:  # as libraries do that write into a file of ours
        sys.stdout.buffer.write(b"a line" * 100_000)
        sys.stdout.buffer.flush()
    except OSError:
        raise InputError("the store is damaged")

def table(args):
    for i in range(10_000):
        wide_console().print("a line")

class Command:
    def add_parser(commands):
        commands.add_parser("data").set_defaults(run=lambda args: RUN(args) or 0)

cli.COMMANDS, cli.import_module = ("data",), lambda name: Command
sys.exit(cli.main(WORDS))
"""
RUNS = ("printed", "much", "bytes_", "table")
SAID = "joint-ie: standard output cannot be written ({}); write to another place\n"


def shell(redirected: str, run: str = "printed", words: str = "['data']", *options: str) -> tuple[int, str, str]:
    """Status of the command, what the shell printed, and standard error."""
    code = COMMAND.replace("RUN(", f"{run}(").replace("WORDS", words)
    script = f'"$@" {redirected}; exit ${{PIPESTATUS[0]}}'
    command = ["bash", "-c", script, "bash", sys.executable, *options, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("run", RUNS)
def test_a_full_disk(run):
    assert shell(">/dev/full", run) == (1, "", SAID.format("No space left on device"))


@pytest.mark.parametrize("run", RUNS)
def test_closed(run):
    assert shell(">&-", run) == (1, "", SAID.format("Bad file descriptor"))


@pytest.mark.parametrize("run", RUNS)
def test_a_reader_that_goes_is_no_error(run):
    status, output, errors = shell("| head -c 6", run)
    assert (status, output, errors) == (0, "a line", "")


def test_help_and_unbuffered():
    assert shell(">/dev/full", words="['--help']") == (1, "", SAID.format("No space left on device"))
    assert shell("", words="['--help']")[0] == 0
    assert shell(">/dev/full", "printed", "['data']", "-u") == (1, "", SAID.format("No space left on device"))
    assert shell("", "printed", "['data']", "-u") == (0, "a line\n", "")
