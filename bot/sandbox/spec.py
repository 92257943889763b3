"""Requests against the providers' own interfaces (`specs/`): what does not fit, in words.

The specs are used as they are, with these repairs: OpenAPI's `nullable`; WhatsApp's messages, whose parts forbid each
other's fields (`allOf` with `additionalProperties: false`) and become one schema each; the fields that Meta has
documented since the spec was written; and where Meta's own examples break its schema, they are right.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

SPECS = Path(__file__).parent / "specs"
MESSAGES = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
FORM = "application/x-www-form-urlencoded"
DEGREES = {"type": ["string", "number"]}
LEFT_OUT_IN_EXAMPLES = ("recipient_type", "to")
WHATSAPP_ALSO = {
    "biz_opaque_callback_data": {"type": "string", "maxLength": 512},
    "recipient": {"type": "string", "pattern": r"^[A-Z]{2}\.[0-9A-Za-z]{1,128}$"},
}
READ_RECEIPT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["messaging_product", "status", "message_id"],
    "properties": {
        "messaging_product": {"const": "whatsapp"},
        "status": {"const": "read"},
        "message_id": {"type": "string", "pattern": r"^wamid\."},
        "typing_indicator": {
            "type": "object",
            "additionalProperties": False,
            "required": ["type"],
            "properties": {"type": {"const": "text"}},
        },
    },
}
NAMES_FIELDS = ("required", "additionalProperties")
LONGEST_RULE = 200
Schema = dict[str, Any]


def twilio_message_problem(form: Mapping[str, list[str]]) -> str | None:
    """What is wrong with the parameters of a message; None when they fit."""
    schema = _twilio_message_schema()
    known = schema["properties"]
    for name, values in form.items():
        if name not in known:
            return f"{name} is no parameter of a message"
        if len(values) > 1 and known[name].get("type") != "array":
            return f"{name} is given {len(values)} times"
    data = {name: _typed(values, known[name]) for name, values in form.items()}
    return _problem(_twilio_message_validator(), data)


def content_problem(body: Any) -> str | None:
    """What is wrong with a Content to be created."""
    return _problem(_content_validator(), body)


def whatsapp_problem(body: Any) -> str | None:
    """What is wrong with a WhatsApp message, or with a read receipt (`status`)."""
    if not isinstance(body, dict):
        return "the body is no object"
    if "status" in body:
        return _problem(Draft202012Validator(READ_RECEIPT), body)
    validators = _whatsapp_validators()
    kind = body.get("type")
    if not isinstance(kind, str) or kind not in validators:
        return f"type: {kind!r} is none of {', '.join(sorted(validators))}"
    return _problem(validators[kind], body)


def messenger_problem(body: Any) -> str | None:
    """What is wrong with a Messenger message or action."""
    return _problem(_messenger_validator(), body)


def _problem(validator: Draft202012Validator, data: Any) -> str | None:
    error = best_match(validator.iter_errors(data))
    if error is None:
        return None
    where = ".".join(str(part) for part in error.absolute_path) or "the body"
    if error.validator in NAMES_FIELDS:
        return f"{where}: {error.message}"
    return f"{where} breaks {error.validator}: {json.dumps(error.validator_value)[:LONGEST_RULE]}"


def _typed(values: list[str], schema: Schema) -> Any:
    """A form's words in the parameter's type, as they are when they do not fit it."""
    kind = schema.get("type", "string")
    if kind == "array":
        return values
    value = values[0]
    if kind == "boolean":
        return {"true": True, "false": False}.get(value.lower(), value)
    if kind == "integer" and value.isascii() and value.lstrip("-").isdecimal():
        return int(value)
    return value


def _load(file: str) -> Any:
    return json.loads((SPECS / file).read_text("utf-8"))


@functools.cache
def _twilio_message_schema() -> Schema:
    schema: Schema = _load("twilio_messages.json")["paths"][MESSAGES]["post"]["requestBody"]["content"][FORM]["schema"]
    return schema


@functools.cache
def _twilio_message_validator() -> Draft202012Validator:
    return _validator(_twilio_message_schema(), _load("twilio_messages.json"))


@functools.cache
def _content_validator() -> Draft202012Validator:
    document = _nullable(_load("twilio_content.json"))
    return _validator(document["components"]["schemas"]["ContentCreateRequest"], document)


@functools.cache
def _whatsapp_validators() -> dict[str, Draft202012Validator]:
    """A validator for each type of message."""
    document = _load("whatsapp_messages.json")
    schemas = document["components"]["schemas"]
    schemas["LanguageObject"]["required"] = ["code"]
    schemas["LocationMessage"]["allOf"][1]["properties"]["location"]["properties"] |= {
        "latitude": DEGREES,
        "longitude": DEGREES,
    }
    kinds = schemas["Message"]["discriminator"]["mapping"]
    return {
        kind: _validator(_whole_message(schemas, reference.rpartition("/")[2]), document)
        for kind, reference in kinds.items()
    }


@functools.cache
def _messenger_validator() -> Draft202012Validator:
    return Draft202012Validator(_load("messenger_send.json"))


def _validator(schema: Schema, document: Schema) -> Draft202012Validator:
    """For a schema whose references lead into the document's components."""
    return Draft202012Validator({**schema, "components": document["components"]})


def _whole_message(schemas: Mapping[str, Schema], name: str) -> Schema:
    """The common fields and those of one type as one schema; a business-scoped id takes the place of `to`."""
    base, own = schemas["BaseMessageProperties"], schemas[name]["allOf"][1]
    required = [field for field in base["required"] if field not in LEFT_OUT_IN_EXAMPLES]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {**base["properties"], **own["properties"], **WHATSAPP_ALSO},
        "required": [*required, *own["required"]],
        "oneOf": [{"required": ["to"]}, {"required": ["recipient"]}],
    }


def _nullable(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema says it."""
    if isinstance(schema, list):
        return [_nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _nullable(each) for name, each in schema.items() if name != "nullable"}
    if schema.get("nullable") is True and isinstance(schema.get("type"), str):
        found["type"] = [schema["type"], "null"]
    return found
