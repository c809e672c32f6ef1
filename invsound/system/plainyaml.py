"""YAML as options are written in it: plain values, nothing interpolated, no dates, no key twice, 3e-4 a number."""

from __future__ import annotations

import re
from typing import Any

import yaml

DEPTH, VALUES = 50, 100_000
MERGED = 10_000
"""Entries of a mapping with all that `<<` merges into it, at most: a few lines can ask for more than memory holds."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        if self.depth > DEPTH:
            raise yaml.composer.ComposerError(None, None, f"it is nested more than {DEPTH} deep", self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice!r} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: Any) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MERGED:
            raise yaml.constructor.ConstructorError(None, None, f"more than {MERGED} entries are merged", node.start_mark)


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.splitlines() in ([], [text]) else '"')


_Dumper.add_representer(str, _Dumper.represent_text)
# Both know the same words for numbers: what is dumped is loaded as what it was
_Loader.yaml_implicit_resolvers = _Dumper.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_EXPONENT = re.compile(r"^[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$")
for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))


def load(text: str) -> Any:
    """The value that a text stands for, every key of a mapping as text. Raises ValueError where it is none, or is no plain value."""
    try:
        return _plain(yaml.load(text, _Loader))
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(error) or "it is nested too deeply") from error


def dump(value: Any) -> str:
    """A text that `load` turns into an equal value; mappings keep their order."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6))


def _plain(value: Any, depth: int = 0, count: list[int] | None = None) -> Any:
    """`value`, copied, aliases and all: those can hold themselves, or each other a billion times."""
    count = [0] if count is None else count
    count[0] += 1
    if depth > DEPTH or count[0] > VALUES:
        raise ValueError(f"it is nested more than {DEPTH} deep, or holds more than {VALUES} values")
    if isinstance(value, dict):
        return {str(key): _plain(item, depth + 1, count) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1, count) for item in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise ValueError(f"it holds a {type(value).__name__}: options are texts, numbers, true, false, null, lists and mappings")
