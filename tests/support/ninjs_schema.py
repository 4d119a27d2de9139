"""A JSON Schema (2020-12) of the properties of ninjs 3.1 that copydesk writes, in our own words.

It states the types, formats and required properties of the specification (iptc.org/std/ninjs, schema version 3.1) for
these properties, and refuses all others.
"""

from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
URI: Schema = {"type": "string", "format": "uri"}
TIME: Schema = {"type": "string", "format": "date-time"}
COUNT: Schema = {"type": "integer"}


def table(properties: Schema, *required: str) -> Schema:
    """Return the schema of an object without other properties."""
    return {
        "type": "object", "properties": properties, "required": list(required), "additionalProperties": False,
    }  # fmt: skip


def list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


VALUE = table({"role": TEXT, "contentType": TEXT, "value": TEXT}, "value")
BODY = table({"role": TEXT, "contentType": TEXT, "charCount": COUNT, "wordCount": COUNT, "value": TEXT}, "value")
NEWS_TYPES = ("text", "audio", "video", "picture", "graphic", "composite", "component", "event", "planning")
PROPERTIES: Schema = {
    "uri": URI,
    "standard": table({"name": TEXT, "version": TEXT, "schema": URI}),
    "type": one_of(*NEWS_TYPES),
    "representationType": one_of("full", "partial"),
    "version": TEXT,
    "firstCreated": TIME,
    "versionCreated": TIME,
    "contentCreated": TIME,
    "pubStatus": one_of("usable", "withheld", "canceled"),
    "urgency": {"type": "integer", "minimum": 1, "maximum": 9},
    "edNote": TEXT,
    "language": TEXT,
    "headlines": list_of(VALUE),
    "descriptions": list_of(VALUE),
    "bodies": list_of(BODY),
    "by": TEXT,
    "slugline": TEXT,
    "located": TEXT,
    "subjects": list_of(table({"name": TEXT, "uri": URI, "literal": TEXT})),
    "infoSources": list_of(table({"name": TEXT, "role": TEXT, "uri": URI})),
    "altIds": list_of(table({"role": TEXT, "value": TEXT})),
    "renditions": list_of(table({"name": TEXT, "href": URI, "contentType": TEXT}, "name")),
}
ASSOCIATION = table({**PROPERTIES, "name": TEXT, "rel": TEXT}, "name", "uri")
NINJS: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **table({**PROPERTIES, "associations": list_of(ASSOCIATION)}, "uri"),
}
VALIDATOR = Draft202012Validator(NINJS, format_checker=FormatChecker(["uri", "date-time"]))


def violations(value: Any) -> list[str]:
    """Return a description of each violation of the schema, formats included."""
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(value)]
