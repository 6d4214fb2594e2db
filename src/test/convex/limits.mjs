// What a Convex deployment refuses and convex-test lets pass, from the vendor's page of limits and the sources of its backend. Where the
// two disagree, or an older backend that people host themselves is stricter, the stricter.

import { getConvexSize, getDocumentSize } from "convex/values";

const MIB = 1 << 20;

export const REQUEST_BYTES = 8 * MIB + 2000;
const ARGUMENT_BYTES = 8 * MIB;
const RESULT_BYTES = 8 * MIB;
const DOCUMENT_BYTES = MIB;
const ARRAY_ELEMENTS = 8192;
const OBJECT_FIELDS = 1024;
const NESTING = 16;
const LONE_SURROGATE = /\p{Surrogate}/u;
const FIELD = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;

/** These are enforced by convex-test. */
export const TRANSACTION = {
  bytesRead: 8 * MIB,
  bytesWritten: 8 * MIB,
  documentsRead: 16_384,
  documentsWritten: 8_192,
  databaseQueries: 4_096,
};

function refuse(message) {
  throw new Error(message);
}

function checkValue(value, depth) {
  if (depth > NESTING) {
    refuse(`Value is too nested (maximum nesting ${NESTING})`);
  }
  if (typeof value === "string") {
    if (LONE_SURROGATE.test(value)) {
      refuse("Strings must be valid Unicode sequences with no unpaired surrogates");
    }
  } else if (Array.isArray(value)) {
    if (value.length > ARRAY_ELEMENTS) {
      refuse(`Array length is too long (${value.length} > maximum length ${ARRAY_ELEMENTS})`);
    }
    value.forEach((element) => checkValue(element, depth + 1));
  } else if (value !== null && typeof value === "object" && !(value instanceof ArrayBuffer)) {
    const fields = Object.entries(value);
    if (fields.length > OBJECT_FIELDS) {
      refuse(`Object has too many fields (${fields.length} > maximum number ${OBJECT_FIELDS})`);
    }
    for (const [name, field] of fields) {
      if (!FIELD.test(name) && !(depth === 0 && (name === "_id" || name === "_creationTime"))) {
        refuse(`Field name ${JSON.stringify(name)} is not allowed`);
      }
      checkValue(field, depth + 1);
    }
  }
}

export function checkArguments(args) {
  checkValue(args, 0);
  const size = getConvexSize(args);
  if (size > ARGUMENT_BYTES) {
    refuse(`Arguments are too large (actual: ${size}, limit: ${ARGUMENT_BYTES})`);
  }
}

export function checkResult(result) {
  checkValue(result, 0);
  const size = getConvexSize(result);
  if (size > RESULT_BYTES) {
    refuse(`Function result is too large (actual: ${size}, limit: ${RESULT_BYTES})`);
  }
}

/** A value for its JSON, as large as it and with the same names, but with no more of its bytes than their number. */
export function shapeOf(json) {
  if (Array.isArray(json)) {
    return json.map(shapeOf);
  }
  if (json === null || typeof json !== "object") {
    return json;
  }
  if (typeof json.$bytes === "string") {
    return new ArrayBuffer(Buffer.byteLength(json.$bytes, "base64"));
  }
  if (typeof json.$integer === "string") {
    return 0n;
  }
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, shapeOf(value)]));
}

/** @param document its shape will do */
export function checkDocument(document) {
  checkValue(document, 0);
  const size = getDocumentSize(document);
  if (size > DOCUMENT_BYTES) {
    refuse(`Value is too large (${size} > maximum size ${DOCUMENT_BYTES})`);
  }
}
