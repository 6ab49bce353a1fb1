"""Settings as data: YAML files become checked, frozen dataclasses.

A wrong key or value raises `InputError` with its full path, so that a misspelt setting never trains silently.
"""

import contextlib
import dataclasses
import math
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from joint_ie.errors import InputError, nearest

Settings = TypeVar("Settings")

EXTENDS = "extends"
_ABSENT = object()


@dataclasses.dataclass(frozen=True)
class Given:
    """Where settings come from, for errors: files, and overrides of the command line, which win."""

    files: tuple[str, ...]
    overrides: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ", ".join(self.files) or "config"

    def place_of(self, path: str) -> str:
        """Who set the value at a key path: the files, the command line, or (a part of it each, perhaps) both."""
        named = str(self)
        for override in self.overrides:
            value: Any = _parse_override(override)
            for key in path.partition("[")[0].split(".") if path else ():
                value = value.get(key, _ABSENT) if isinstance(value, Mapping) else value
            if isinstance(value, Mapping) and self.files:
                named = f"{self} and the command line"
            elif value is not _ABSENT:
                return "command line"
        return named


Where = str | Given


def from_mapping(cls: type[Settings], data: Any, where: Where = "config") -> Settings:
    """An instance of the dataclass ``cls`` from plain ``data`` (as YAML or JSON give it), checked.

    Fields may be int, float, bool, str, ``Literal``, ``tuple[X, ...]``, ``dict[str, X]``, other dataclasses,
    any of these ``| None``, and one of them ``| tuple[X, ...]``. ``where`` (a file, say) begins every error message.
    An `InputError` raised by a ``__post_init__`` is passed on with the path of its dataclass.
    """
    return _dataclass(cls, data, where, "")


def to_mapping(settings: Any) -> dict[str, Any]:
    """The reverse of `from_mapping`: mappings, lists and scalars only, fit for YAML and JSON."""
    return {field.name: _plain(getattr(settings, field.name)) for field in dataclasses.fields(settings)}


def completed(cls: type, data: Any, where: str = "config") -> dict[str, Any]:
    """Plain ``data`` of the dataclass ``cls`` with the defaults of what it lacks: settings that are newer, perhaps."""
    return to_mapping(from_mapping(cls, data, where))


def load_yaml(paths: Sequence[str | Path], overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The merged content of YAML files and of overrides such as ``training.epochs=3``; the later wins.

    Mappings are merged key by key, everything else is replaced. A file may begin with ``extends: other.yaml``
    (relative to its own folder): it is then laid over that file.
    """
    merged: dict[str, Any] = {}
    for path in paths:
        merged = merge(merged, _load_file(Path(path), ()))
    for override in overrides:
        merged = merge(merged, _parse_override(override))
    return merged


def differences(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every key path (below ``path``) at which two plain mappings differ, with both values.

    A key that one side lacks counts as None there.
    """
    for key in [*old, *(key for key in new if key not in old)]:
        left, right = old.get(key), new.get(key)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            yield from differences(left, right, _join(path, key))
        elif left != right:
            yield _join(path, key), left, right


def _dataclass(cls: type[Settings], data: Any, where: Where, path: str) -> Settings:
    if not isinstance(data, Mapping):
        raise _wrong(where, path, data, f"a mapping of settings{_example(cls, data)}")
    hints = get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    for key, value in data.items():
        if key not in fields:
            full = _join(path, key)
            raise InputError(
                f"{_place(where, full)}: {full} = {value!r} is not a setting{nearest(str(key), fields)}; "
                f"allowed here: {', '.join(fields)}"
            )
    # what is there is checked first: a misspelt key is often why another is missing
    values = {key: _value(hints[key], value, where, _join(path, key)) for key, value in data.items()}
    for name, field in fields.items():
        if _required(field) and name not in data:
            raise InputError(f"{_place(where, _join(path, name))}: {_join(path, name)} is missing; set it")
    try:
        return cls(**values)
    except InputError as error:
        raise InputError(f"{_place(where, path)}: {path + ': ' if path else ''}{error}") from None


def _value(hint: Any, value: Any, where: Where, path: str) -> Any:
    """``value`` as the type ``hint`` says, or an `InputError`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        if value is None and types.NoneType in arguments:
            return None
        return _value(_alternative(arguments, value), value, where, path)
    if origin is Literal:
        return _choice(arguments, value, where, path)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _wrong(where, path, value, f"a list{_example(arguments[0], value, listed=True)}")
        return tuple(_value(arguments[0], item, where, f"{path}[{i}]") for i, item in enumerate(value))
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise _wrong(where, path, value, "a mapping with text as keys")
        return {key: _value(arguments[1], item, where, _join(path, key)) for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint, value, where, path)  # type: ignore[arg-type]
    return _scalar(hint, value, where, path)


def _alternative(arguments: Sequence[Any], value: Any) -> Any:
    """The type of a union that is meant: ``tuple[X, ...]`` by a list, the other one by everything else."""
    kinds = [argument for argument in arguments if argument is not types.NoneType]
    listed = isinstance(value, list | tuple)
    return next((kind for kind in kinds if (get_origin(kind) is tuple) == listed), kinds[0])


def _scalar(hint: Any, value: Any, where: Where, path: str) -> Any:
    if hint is float:
        return _float(value, where, path)
    # bool is a subclass of int, but `epochs: true` is a mistake.
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint in (bool, str) and isinstance(value, hint):
        return value
    names = {int: "a whole number", bool: "true or false", str: "text"}
    if hint not in names:
        raise TypeError(f"{path}: settings cannot have the type {hint}")
    raise _wrong(where, path, value, names[hint])


def _float(value: Any, where: Where, path: str) -> float:
    number = math.nan
    # YAML 1.1 reads 1e-4 (no point) as text.
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):
            number = float(value)
    if not math.isfinite(number):
        raise _wrong(where, path, value, "a number")
    return number


def _choice(choices: tuple[Any, ...], value: Any, where: Where, path: str) -> Any:
    # YAML 1.1 reads a bare `no` as false.
    if value is False and "no" in choices:
        return "no"
    # Types are compared too, for 1 == True.
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        hint = (
            nearest(value, (choice for choice in choices if isinstance(choice, str))) if isinstance(value, str) else ""
        )
        allowed = ", ".join(map(str, choices))
        raise InputError(f"{_place(where, path)}: {path} = {value!r} is not a choice{hint}; allowed: {allowed}")
    return value


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_mapping(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``: mappings are merged key by key, everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _load_file(path: Path, opened: tuple[Path, ...]) -> dict[str, Any]:
    """One file over the files it extends; ``opened`` are the files that extend this one."""
    if path.resolve() in opened:
        raise InputError(f"{path}: extends itself by way of {opened[-1]}; remove one `{EXTENDS}:`")
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        asked = f", which {opened[-1]} extends" if opened else ""
        raise InputError(f"{path}: cannot be read ({error.strerror}){asked}; name an existing YAML file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}{_line(error)}: is not valid YAML ({_problem(error)}); correct it") from None
    data = {} if data is None else data
    if not isinstance(data, dict):
        raise InputError(f"{path}: should be a mapping of settings such as `training:`, not {data!r:.60}")
    base = data.pop(EXTENDS, None)
    if base is None:
        return data
    if not isinstance(base, str):
        raise InputError(f"{path}: {EXTENDS} = {base!r} should be the path of one YAML file")
    return merge(_load_file(path.parent / base, (*opened, path.resolve())), data)


def _parse_override(override: str) -> dict[str, Any]:
    keys, equals, text = override.partition("=")
    names = keys.strip().split(".")
    if not equals or not all(names):
        raise InputError(f"override {override!r}: should be written key.path=value, such as training.epochs=3")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"override {override!r}: the value is not valid YAML ({_problem(error)})") from None
    for name in reversed(names):
        value = {name: value}
    return value


def _line(error: Exception) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f" line {mark.line + 1}" if mark else ""


def _problem(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        return error.problem or error.context or "broken syntax"
    return str(error).splitlines()[0]


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _wrong(where: Where, path: str, value: Any, expected: str) -> InputError:
    return InputError(f"{_place(where, path)}: {path + ' = ' if path else ''}{value!r} should be {expected}")


def _place(where: Where, path: str) -> str:
    return where.place_of(path) if isinstance(where, Given) else where


def _example(hint: Any, value: Any, listed: bool = False) -> str:
    """How a lone ``value`` is written where a list of ``hint`` is wanted, or a mapping; empty if nobody can tell."""
    if not isinstance(value, str | int | float):
        return ""
    if dataclasses.is_dataclass(hint):
        types = get_type_hints(hint)
        needed = [field.name for field in dataclasses.fields(hint) if _required(field)]
        if not needed or types[needed[0]] is not type(value):
            return ""
        value = {needed[0]: value}
    shown = yaml.safe_dump([value] if listed else value, default_flow_style=True, width=math.inf)
    return f" such as {shown.strip()}"


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)
