"""Requests made from the OpenAPI document: one per operation, and every field in it that takes a text or a number."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
Schema = dict[str, Any]
JsonPath = tuple[str | int, ...]


@dataclass
class Sample:
    """A request. values: by where they are sent (path, query, header, json, form)."""

    label: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return self.label.split()[0]

    @property
    def path(self) -> str:
        return self.label.split()[1]

    def with_value(self, json_path: JsonPath, value: object) -> "Sample":
        """Return a copy with another value in a field; the fields that contain it exist already."""
        changed = deepcopy(self)
        inside: Any = changed.values
        for step in json_path[:-1]:
            inside = inside[step]
        inside[json_path[-1]] = value
        return changed

    def reaches(self, json_path: JsonPath) -> bool:
        """Return whether the fields that contain a field exist."""
        inside: Any = self.values
        for step in json_path[:-1]:
            try:
                inside = inside[step]
            except (KeyError, IndexError):
                return False
        return True


@dataclass(frozen=True)
class Samples:
    """Sample requests of a document. real: existing values by the name of the field."""

    document: dict[str, Any]
    real: dict[str, list[Any]]

    def labels(self, *, with_json: bool = False) -> list[str]:
        """Return the operations; with_json: only those with a JSON body."""
        return [
            f"{method.upper()} {path}"
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
            if not with_json or JSON in operation.get("requestBody", {}).get("content", {})
        ]

    def of(self, label: str, *, is_full: bool) -> Sample:
        """Return the sample of an operation. is_full: with its optional fields."""
        sample = Sample(label)
        for where, schema in self._schemas(label):
            sample.values[where] = self._value(schema, "", is_full=is_full)
        return sample

    def json_paths(self, label: str, json_type: str) -> list[JsonPath]:
        """Return the paths of the fields that take a `string` or a `number` in a full sample."""
        return [
            (where, *json_path)
            for where, schema in self._schemas(label)
            for json_path in self._json_paths(schema, json_type)
        ]

    def _schemas(self, label: str) -> Iterator[tuple[str, Schema]]:
        method, path = label.split()
        operation = self.document["paths"][path][method.lower()]
        for where in ("path", "query", "header"):
            given = [each for each in operation.get("parameters", ()) if each["in"] == where]
            if given:
                names = [each["name"] for each in given if each.get("required")]
                yield where, _object({each["name"]: each["schema"] for each in given}, names)
        content = operation.get("requestBody", {}).get("content", {})
        for media, body in content.items():
            yield ("json" if media == JSON else "form"), body["schema"]

    def _known(self, schema: Schema) -> Schema:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self._known(self.document["components"]["schemas"][name])
        choices = [each for key in ("anyOf", "oneOf", "allOf") for each in schema.get(key, ())]
        choices_left = [each for each in choices if each.get("type") != "null"]
        return self._known(choices_left[0]) if choices_left else schema

    def _value(self, given: Schema, name: str, *, is_full: bool) -> Any:
        if name in self.real:
            return self.real[name][0]
        schema = self._known(given)
        for key in ("examples", "enum"):
            # the example of an object leaves out what may be left out
            if schema.get(key) and schema.get("type") != "object":
                return schema[key][0]
        match schema.get("type"):
            case "object" | None:
                schema_properties = schema.get("properties", {})
                names = schema_properties if is_full else schema.get("required", ())
                return {each: self._value(schema_properties[each], each, is_full=is_full) for each in names}
            case "array":
                return [self._value(schema["items"], name, is_full=is_full)]
            case "boolean":
                return True
            case "integer" | "number":
                return schema.get("minimum", 1)
        return schema.get("const", "text")

    def _json_paths(self, given: Schema, json_type: str) -> Iterator[JsonPath]:
        schema = self._known(given)
        match schema.get("type"):
            case "object":
                for name, inner in schema.get("properties", {}).items():
                    yield from ((name, *rest) for rest in self._json_paths(inner, json_type))
            case "array":
                yield from ((0, *rest) for rest in self._json_paths(schema["items"], json_type))
            case "integer" | "number" if json_type == "number":
                yield ()
            case "string" if json_type == "string":
                yield ()


def _object(properties: dict[str, Schema], required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required}
