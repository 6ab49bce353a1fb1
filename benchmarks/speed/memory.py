"""Peak memory, measured in a process of its own."""

import argparse
import subprocess
import sys
from pathlib import Path


def peak(args: argparse.Namespace, words: int) -> dict[str, float]:
    """MiB at the peak of a process: after loading the model, and after a document of so many words."""
    command = [sys.executable, str(Path(__file__)), args.model, args.precision, str(args.threads), str(words)]
    command += [args.corpus] if args.corpus else []
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded, extracted = map(float, done.stdout.split())
    return {"loaded_mib": loaded, "peak_mib": extracted}


def _measured() -> None:
    import torch
    from documents import corpus, of_words

    import joint_ie

    model, precision, threads, words, *source = sys.argv[1:]
    torch.set_num_threads(int(threads))
    extract = joint_ie.load(model, precision=precision)  # type: ignore[arg-type]
    document = of_words(corpus(source[0] if source else None), int(words))
    extract(of_words([document], 20))
    loaded = _highest()
    extract(document)
    print(loaded, _highest())


def _highest() -> float:
    """MiB. Linux only; `resource.getrusage` would count the process that started this one."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    _measured()
