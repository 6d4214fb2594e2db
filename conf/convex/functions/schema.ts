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
    // and in chunks of the session's own.
    facts: v.union(v.string(), v.null()),
    // Whether the facts have a recovery.
    recoverable: v.boolean(),
  })
    .index("by_session_id", ["sessionId"])
    .index("newest", ["createdAt", "sessionId"])
    .index("newest_recoverable", ["recoverable", "createdAt", "sessionId"]),

  // One per transcript and per workspace file; the bytes are in its chunks.
  contents: defineTable({
    session: v.id("sessions"),
    kind: v.union(
      v.literal("transcript"),
      v.literal("file"),
      // Becomes a transcript or file when all of its bytes are there.
      v.literal("staged"),
      // Is not shown any more, and is being erased.
      v.literal("erased"),
    ),
    name: v.string(),
    modifiedAt: v.int64(),
    length: v.number(),
    // The small chunks at the end, which are merged into one when they are many: how many, and where they begin.
    loose: v.number(),
    looseFrom: v.number(),
  }).index("by_session", ["session", "kind", "name"]),

  // The bytes of a content, of a profile's document or of a session's facts, from "start" on. They follow one another without a gap.
  chunks: defineTable({
    of: v.union(v.id("contents"), v.id("profiles"), v.id("sessions")),
    start: v.number(),
    bytes: v.bytes(),
  }).index("by_owner", ["of", "start"]),

  // One per agent profile; its document, JSON text, is in its chunks.
  profiles: defineTable({
    profileId: v.string(),
    version: v.string(),
    length: v.number(),
  }).index("by_profile_id", ["profileId"]),
});
