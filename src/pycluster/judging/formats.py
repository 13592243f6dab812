"""Texts in their formats: read, with the place of a mistake, and written."""

from __future__ import annotations

from typing import Any

from pycluster.judging.cases import Format


class Unreadable(Exception):
    """A content is not what its format says."""


def parsed(format: Format, text: str) -> Any:
    """What ``text`` stands for, to schemas and in JSON: dates as text. Raises ``Unreadable`` with the place."""
    return plain(data(format, text)) if format == "toml" else data(format, text)


def data(format: Format, text: str) -> Any:
    """What ``text`` stands for, TOML's dates being such; raises ``Unreadable`` with the place."""
    match format:
        case "text":
            return text
        case "json":
            import json

            try:
                return json.loads(text, parse_constant=_no_number, object_pairs_hook=_once)
            except ValueError as error:
                raise Unreadable(f"no JSON: {error}") from None
        case "toml":
            import tomllib

            try:
                return tomllib.loads(text)
            except tomllib.TOMLDecodeError as error:
                raise Unreadable(f"no TOML: {error}") from None
        case "yaml":
            return _yaml(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is given twice in one object")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def plain(value: Any) -> Any:
    """TOML's dates and times as the text that they are written in, so that schemas can speak of them."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML 1.1 without its dates: what looks like one stays the text that it is."""

        yaml_implicit_resolvers = {
            sign: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:timestamp"]
            for sign, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise yaml.composer.ComposerError(None, None, f"{twice!r} is given twice", node.start_mark)
            return node

    try:
        found = yaml.load(text, Loader)
    except (yaml.YAMLError, ValueError) as error:
        raise Unreadable(f"no YAML: {' '.join(str(error).split())}") from None
    except (AttributeError, LookupError) as error:
        # What a tag such as !!bool or !!int stands before is read without a look at it first.
        raise Unreadable(f"no YAML: a value is not what its tag says ({error})") from None
    _check_keys(found, set())
    return found


def _check_keys(value: Any, seen: set[int]) -> None:
    if id(value) in seen:
        return
    if isinstance(value, dict):
        seen.add(id(value))
        wrong = next((key for key in value if not isinstance(key, str)), None)
        if wrong is not None or None in value:
            raise Unreadable(f"the key {wrong!r} is no text; quote it")
        for inner in value.values():
            _check_keys(inner, seen)
    elif isinstance(value, list):
        seen.add(id(value))
        for inner in value:
            _check_keys(inner, seen)


def dumped(format: Format, value: Any) -> str:
    """``value`` in the format, keys in their order."""
    match format:
        case "text":
            return str(value)
        case "json":
            import json

            return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        case "toml":
            import tomli_w

            if not isinstance(value, dict):
                raise Unreadable("what the layers give is no table")
            try:
                return tomli_w.dumps(value)
            except TypeError as error:
                raise Unreadable(f"TOML has no word for it: {error}") from None
        case "yaml":
            import yaml

            class Dumper(yaml.SafeDumper):
                def ignore_aliases(self, data: Any) -> bool:
                    return True

            text: str = yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)
            return text
