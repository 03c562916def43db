"""A target spec held against the JSON Schema that the compiler prints: every fault in words, none by exception."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import did_you_mean

Schema = Mapping[str, Any]

_TYPES = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


class Checker:
    """The constructs that the schema of target specs uses (draft 2020-12): those that it lacks are not looked at."""

    def __init__(self, schema: Schema, compiler: str) -> None:
        """SCHEMA is the whole schema, COMPILER how it is named in a sentence: `rustc 1.96.0`."""
        self.schema = schema
        self.compiler = compiler

    def keys(self) -> tuple[str, ...]:
        """The keys that a spec may have."""
        return tuple(self.schema["properties"])

    def of(self, key: str) -> Schema | None:
        """The schema of KEY's value, without references and without `null`; None where there is no such key."""
        found = self.schema["properties"].get(key)
        return None if found is None else self._resolved(found)

    def fits(self, key: str, value: Any) -> bool:
        """Whether there is a key KEY and VALUE is allowed for it."""
        wanted = self.of(key)
        return wanted is not None and not self._check(value, wanted, key)

    def faults(self, spec: Mapping[str, Any]) -> list[str]:
        """Every unknown key, missing key, wrong type and wrong value of SPEC, each a sentence or two."""
        return self._object(spec, self.schema, "")

    def _check(self, value: Any, schema: Schema, path: str) -> list[str]:
        if value is None and _optional(schema):
            return []
        schema = self._resolved(schema)
        branches = schema.get("anyOf") or schema.get("oneOf")
        if branches:
            return self._branches(value, [self._resolved(branch) for branch in branches], path)
        if not _is_simply(value, schema):
            return [self._wrong(path, value, schema)]
        if isinstance(value, list):
            return self._array(value, schema, path)
        return self._object(value, schema, path) if isinstance(value, dict) else []

    def _branches(self, value: Any, branches: list[Schema], path: str) -> list[str]:
        found = [self._check(value, branch, path) for branch in branches]
        if not all(found):
            return []
        for branch, faults in zip(branches, found, strict=True):
            if _tagged(value, branch):
                return faults
        return [self._wrong(path, value, {"anyOf": branches})]

    def _array(self, value: list[Any], schema: Schema, path: str) -> list[str]:
        first = list(schema.get("prefixItems", ()))
        rest = schema.get("items", {})
        schemas = [*first, *[rest] * (len(value) - len(first))]
        checks = enumerate(zip(value, schemas, strict=False))
        return [fault for index, (item, wanted) in checks for fault in self._check(item, wanted, f"{path}[{index}]")]

    def _object(self, value: Mapping[str, Any], schema: Schema, path: str) -> list[str]:
        known: Mapping[str, Schema] = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        place = f" in {path}" if path else ""
        faults = [
            f"{self.compiler} wants the key '{key}'{place}, which is missing."
            for key in schema.get("required", ())
            if key not in value
        ]
        for key, item in value.items():
            inner = f'{path}["{key}"]' if path else key
            if key in known:
                faults += self._check(item, known[key], inner)
            elif others is False:
                faults.append(f"{self.compiler} knows no key '{key}'{place}.{did_you_mean(key, known)}")
            elif isinstance(others, Mapping):
                faults += self._check(item, others, inner)
        return faults

    def _wrong(self, path: str, value: Any, schema: Schema) -> str:
        guess = did_you_mean(value, _every_string(schema)) if isinstance(value, str) else ""
        return f"{path} is {shown(value)}, but {self.compiler} wants {self._wish(schema)}.{guess}"

    def _wish(self, schema: Schema) -> str:
        """What SCHEMA allows, in words."""
        schema = self._resolved(schema)
        if "anyOf" in schema or "oneOf" in schema:
            branches = [self._resolved(branch) for branch in schema.get("anyOf") or schema["oneOf"]]
            strings = _every_string(schema)
            return _one_of(map(shown, strings)) if strings else _one_of(self._wish(branch) for branch in branches)
        strings_only = _strings(schema)
        if strings_only is not None:
            return _one_of(map(shown, strings_only))
        if "properties" in schema and "required" in schema:
            return "{" + ", ".join(f'"{k}": {self._wish(schema["properties"][k])}' for k in schema["required"]) + "}"
        words = _one_of(_TYPES.get(kind, kind) for kind in _types(schema)) or "something else"
        if "items" in schema:
            return f"{words} with {self._wish(schema['items'])} in each place"
        return words + _bounds(schema)

    def _resolved(self, schema: Schema) -> Schema:
        """SCHEMA with its reference followed and an optional value (`or null`) taken as the value."""
        while True:
            if "$ref" in schema:
                schema = self.schema["$defs"][schema["$ref"].rpartition("/")[2]]
            elif "anyOf" in schema and {"type": "null"} in schema["anyOf"]:
                schema = {"anyOf": [branch for branch in schema["anyOf"] if branch != {"type": "null"}]}
            elif len(schema.get("anyOf", ())) == 1:
                schema = schema["anyOf"][0]
            else:
                return schema


def type_of(value: Any) -> str:
    """The JSON type of VALUE, with `integer` told from `number`; JSON's `true` is no number."""
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def shown(value: Any) -> str:
    """VALUE as JSON in one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _is_simply(value: Any, schema: Schema) -> bool:
    """Whether VALUE is right by itself: its type, its range, its length; what is inside it is not looked at."""
    strings, types = _strings(schema), _types(schema)
    if strings is not None:
        return isinstance(value, str) and value in strings
    if types and type_of(value) not in types:
        return False
    if isinstance(value, str):
        return re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, list):
        return bool(schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)))
    if type_of(value) == "integer":
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


def _bounds(schema: Schema) -> str:
    """The range, length or pattern in SCHEMA, in words after the type."""
    if "maximum" in schema:
        return f" from {schema.get('minimum', 0)} to {schema['maximum']}"
    if "minimum" in schema:
        return f" from {schema['minimum']}"
    if "minItems" in schema and schema["minItems"] == schema.get("maxItems"):
        return f" of {schema['minItems']}"
    return f" like {schema['pattern']}" if "pattern" in schema else ""


def _optional(schema: Schema) -> bool:
    return "null" in schema.get("type", ()) or {"type": "null"} in schema.get("anyOf", ())


def _types(schema: Schema) -> tuple[str, ...]:
    types = schema.get("type", ())
    return (types,) if isinstance(types, str) else tuple(kind for kind in types if kind != "null")


def _strings(schema: Schema) -> tuple[str, ...] | None:
    """The strings that SCHEMA allows, where it allows a few strings and nothing else."""
    if "const" in schema:
        return (schema["const"],)
    return tuple(schema["enum"]) if "enum" in schema else None


def _every_string(schema: Schema) -> tuple[str, ...]:
    """The strings of SCHEMA and its branches, where each branch is only strings; else none."""
    found = [_strings(branch) for branch in schema.get("anyOf") or schema.get("oneOf") or (schema,)]
    return tuple(word for words in found for word in words or ()) if all(found) else ()


def _tagged(value: Any, schema: Schema) -> bool:
    """Whether VALUE is an object that names this branch by a constant, as `{"kind": "inline"}` does."""
    if not isinstance(value, dict):
        return False
    tags = {key: inner["const"] for key, inner in schema.get("properties", {}).items() if "const" in inner}
    return bool(tags) and all(value.get(key) == tag for key, tag in tags.items())


def _one_of(words: Iterable[str]) -> str:
    *first, last = [*words] or [""]
    return f"{', '.join(first)} or {last}" if first else last
