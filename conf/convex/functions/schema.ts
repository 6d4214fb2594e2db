import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  // One per session. "owner" is the epoch that may write.
  sessions: defineTable({
    sessionId: v.string(),
    owner: v.string(),
    type: v.string(),
    profile: v.string(),
    name: v.union(v.string(), v.null()),
    createdAt: v.int64(),
    lastActivity: v.int64(),
    // JSON of the session's options, metadata and recovery, as text: keys of users' JSON are no field names of Convex. Null: it is large,
    // and a content.
    facts: v.union(v.string(), v.null()),
    // Whether the facts have a recovery.
    recoverable: v.boolean(),
  })
    .index("by_session_id", ["sessionId"])
    .index("newest", ["createdAt", "sessionId"])
    .index("newest_recoverable", ["recoverable", "createdAt", "sessionId"]),

  // Sessions that were erased before they were there: their creation was not answered and given up, and is refused if it comes after all.
  erasures: defineTable({
    sessionId: v.string(),
    epoch: v.string(),
  }).index("by_creation", ["sessionId", "epoch"]),

  // One per transcript and per workspace file; the bytes are in its chunks. One that is replaced is another one.
  contents: defineTable({
    session: v.id("sessions"),
    kind: v.union(
      v.literal("transcript"),
      v.literal("file"),
      // Becomes a transcript or file when all of its bytes are there.
      v.literal("staged"),
      // UTF-8 of the facts that are too large for the session's document.
      v.literal("facts"),
    ),
    name: v.string(),
    modifiedAt: v.int64(),
    length: v.number(),
    // The small chunks at the end, which are merged into one when they are many: how many, and where they begin.
    loose: v.number(),
    looseFrom: v.number(),
  }).index("by_session", ["session", "kind", "name"]),

  // The bytes of a content or of a profile's document from "start" on. They follow one another without a gap. Those whose owner is no more
  // are being erased.
  chunks: defineTable({
    of: v.union(v.id("contents"), v.id("profiles")),
    start: v.number(),
    bytes: v.bytes(),
  }).index("by_owner", ["of", "start"]),

  // One per version of an agent profile, of which only the newest is kept; its document, JSON in UTF-8, is in its chunks.
  profiles: defineTable({
    profileId: v.string(),
    version: v.string(),
    length: v.number(),
  }).index("by_profile_id", ["profileId"]),
});
