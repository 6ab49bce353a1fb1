"""``joint-ie serve``: a model behind HTTP, and a page to try it."""

import argparse
import logging
import os
import sys
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any

from joint_ie.cli.arguments import add_computing, add_relations_from, computing, positive
from joint_ie.errors import InputError
from joint_ie.integrations.server.limits import Limits

logger = logging.getLogger(__name__)


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "serve",
        help="answer requests over HTTP",
        description="Extract for other programs (POST /extract; /docs says how) and for people (the page at /). Only "
        "this machine is answered, unless --host names an address that others reach.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8600, help="0: any that is free (default: %(default)s)")
    parser.add_argument("--model", default="default", metavar="MODEL", help="folder or hub id (default: the bundled)")
    add_relations_from(parser)
    parser.add_argument(
        "--language",
        default="en",
        metavar="CODE",
        help="by whose rules texts are split into words; it is no other model (default: %(default)s)",
    )
    add_computing(parser)
    parser.add_argument(
        "--batch-words",
        type=positive,
        metavar="N",
        help="words that run through the model together (default: 3000 on a GPU; on a CPU 1, that is every text alone)",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="ask for the token in FILE (default: that of the environment variable JOINT_IE_TOKEN, if it is set)",
    )
    _add_limits(parser.add_argument_group("limits"))
    parser.set_defaults(run=run)


def _add_limits(group: Any) -> None:
    """One for every field of `Limits`."""
    add = partial(group.add_argument, type=positive, metavar="N")
    add("--max-bytes", dest="bytes", help="of a request (default: %(default)s)")
    add("--max-texts", dest="texts", help="in a request (default: %(default)s)")
    add("--max-characters", dest="characters", help="of a text (default: %(default)s)")
    add("--max-waiting", dest="waiting", help="requests at once (default: %(default)s)")
    add = partial(group.add_argument, type=float, metavar="S")
    add("--timeout", help="seconds for an answer (default: %(default)s)")
    add("--body-timeout", help="seconds for a body (default: %(default)s)")
    group.set_defaults(**asdict(Limits()))


def run(args: argparse.Namespace) -> int:
    """Serve until stopped; 0 when all requests were answered by then, 1 when not."""
    # Imported here so that `joint-ie --help` stays quick.
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise InputError("the server needs FastAPI and uvicorn; install it: pip install 'joint-ie[server]'") from None
    from joint_ie.extraction import load
    from joint_ie.integrations.server.access import is_loopback, read_token
    from joint_ie.integrations.server.application import Served, create_application
    from joint_ie.integrations.server.batching import Batcher
    from joint_ie.integrations.server.running import address, bind, serve

    limits = Limits(**{field.name: getattr(args, field.name) for field in fields(Limits)})
    token = read_token(args.token_file)
    with bind(args.host, args.port) as listener:
        local = is_loopback(listener.getsockname()[0])
        if not local and token is None:
            logger.warning("%s can be reached from other machines by anyone; ask for a token (--token-file)", args.host)
        extractor = load(args.model, language=args.language, relations=args.relations_from, **computing(args))
        batch_words = args.batch_words or (1 if extractor.model.device.type == "cpu" else 3000)
        batcher = Batcher(extractor, batch_words)
        names = [Path(model).name for model in (args.model, args.relations_from) if model]
        served = Served(" with relations from ".join(names), args.language)
        application = create_application(batcher, served, limits, token, args.host.lower() if local else None)
        listener.listen()  # who reads the next line can connect
        print(f"joint-ie: serving {served.name} at {address(listener)} until Ctrl-C", file=sys.stderr, flush=True)
        serve(application, listener)
    if application.unanswered:
        print(f"joint-ie: stopped with {application.unanswered:,} requests unanswered", file=sys.stderr, flush=True)
    status = 1 if application.unanswered else 0
    if batcher.busy:
        logging.shutdown()
        os._exit(status)  # a thread cannot be stopped, and Python would wait for it
    return status
