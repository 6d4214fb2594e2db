import { type GenericId, v } from "convex/values";
import { type Doc, internalMutation, internalQuery, type MutationCtx, type QueryCtx, refusal } from "./builders";
import { Budget, CHUNK_BYTES, insertChunks, mergeChunks, readChunks } from "./bytes";
import { discard } from "./erasure";
import { ownedSession, sessionOf } from "./ownership";

/** Small chunks at the end of a transcript are merged when they are as many, or have as many bytes: every byte is written twice at most. */
const MOST_LOOSE = 64;
const LOOSE_BYTES = CHUNK_BYTES / 2;

/** An answer is ended after as many contents, or as many characters of their names. */
const MOST_LISTED = 2000;
const LISTED_CHARACTERS = 512 * 1024;

const kind = v.union(v.literal("transcript"), v.literal("file"));
type Kind = "transcript" | "file";
const place = v.object({ kind, name: v.string() });

export async function contentOf(
  ctx: QueryCtx,
  session: GenericId<"sessions">,
  kind: Doc<"contents">["kind"],
  name: string,
): Promise<Doc<"contents"> | null> {
  return await ctx.db
    .query("contents")
    .withIndex("by_session", (q) => q.eq("session", session).eq("kind", kind).eq("name", name))
    .first();
}

/** The part of `bytes`, which belong at `offset`, that comes after the `length` bytes that are stored already. */
function unknownPart(length: number, offset: bigint, bytes: ArrayBuffer): ArrayBuffer {
  if (offset > BigInt(length)) {
    throw refusal("GAP");
  }
  return bytes.slice(Number(BigInt(length) - offset));
}

export const append = internalMutation({
  args: { sessionId: v.string(), epoch: v.string(), name: v.string(), offset: v.int64(), bytes: v.bytes() },
  handler: async (ctx, { sessionId, epoch, name, offset, bytes }) => {
    const session = await ownedSession(ctx, sessionId, epoch);
    const found = await contentOf(ctx, session._id, "transcript", name);
    const fresh = unknownPart(found?.length ?? 0, offset, bytes);
    const content = found ?? (await newContent(ctx, session._id, "transcript", name, 0n));
    if (fresh.byteLength > 0) {
      await grow(ctx, content, fresh);
    }
    return null;
  },
});

export async function newContent(
  ctx: MutationCtx,
  session: GenericId<"sessions">,
  kind: Doc<"contents">["kind"],
  name: string,
  modifiedAt: bigint,
) {
  const empty = { session, kind, name, modifiedAt, length: 0, loose: 0, looseFrom: 0 };
  return { ...empty, _id: await ctx.db.insert("contents", empty) };
}

export async function grow(
  ctx: MutationCtx,
  content: Pick<Doc<"contents">, "_id" | "length" | "loose" | "looseFrom">,
  bytes: ArrayBuffer,
): Promise<void> {
  const length = content.length + bytes.byteLength;
  await insertChunks(ctx, content._id, content.length, bytes);
  let { loose, looseFrom } = content;
  if (bytes.byteLength >= LOOSE_BYTES) {
    loose = 0;
    looseFrom = length;
  } else if (loose + 1 >= MOST_LOOSE || length - looseFrom >= LOOSE_BYTES) {
    await mergeChunks(ctx, content._id, looseFrom);
    loose = 0;
    looseFrom = length;
  } else {
    loose++;
  }
  await ctx.db.patch(content._id, { length, loose, looseFrom });
}

/**
 * Puts bytes in the place of a whole transcript or file, in one call or, if they are many, in several: the first makes a staged content
 * and answers its id, which the others name, and the last publishes it. Until then nobody sees any of it.
 */
export const put = internalMutation({
  args: {
    sessionId: v.string(),
    epoch: v.string(),
    kind,
    name: v.string(),
    modifiedAt: v.int64(),
    staged: v.union(v.id("contents"), v.null()),
    offset: v.int64(),
    bytes: v.bytes(),
    last: v.boolean(),
  },
  handler: async (ctx, { sessionId, epoch, kind, name, modifiedAt, staged, offset, bytes, last }) => {
    const session = await ownedSession(ctx, sessionId, epoch);
    const content = staged === null ? await stage(ctx, session._id, name, modifiedAt) : await ctx.db.get(staged);
    if (content === null || content.session !== session._id) {
      throw refusal("UNAVAILABLE");
    }
    if (content.kind === kind) {
      return content._id; // published by this very call, whose answer was lost
    }
    const fresh = unknownPart(content.length, offset, bytes);
    if (fresh.byteLength > 0) {
      await grow(ctx, content, fresh);
    }
    if (last) {
      const old = await contentOf(ctx, session._id, kind, name);
      if (old !== null) {
        await discard(ctx, old, new Budget());
      }
      await ctx.db.patch(content._id, { kind });
    }
    return content._id;
  },
});

/** A new staged content, in the place of one that was left half done. */
async function stage(ctx: MutationCtx, session: GenericId<"sessions">, name: string, modifiedAt: bigint) {
  const left = await contentOf(ctx, session, "staged", name);
  if (left !== null) {
    await discard(ctx, left, new Budget());
  }
  return await newContent(ctx, session, "staged", name, modifiedAt);
}

export const removeFile = internalMutation({
  args: { sessionId: v.string(), epoch: v.string(), name: v.string() },
  handler: async (ctx, { sessionId, epoch, name }) => {
    const session = await ownedSession(ctx, sessionId, epoch);
    const file = await contentOf(ctx, session._id, "file", name);
    if (file !== null) {
      await discard(ctx, file, new Budget());
    }
    return null;
  },
});

/**
 * Up to `most` bytes from `offset`, the content's length, and its id: when that is another one in a later answer, the content was
 * replaced between the two.
 */
export const read = internalQuery({
  args: { sessionId: v.string(), kind, name: v.string(), offset: v.int64(), most: v.number() },
  handler: async (ctx, { sessionId, kind, name, offset, most }) => {
    const session = await sessionOf(ctx, sessionId);
    const content = session === null ? null : await contentOf(ctx, session._id, kind, name);
    if (content === null) {
      throw refusal("NOT_FOUND");
    }
    const from = offset > BigInt(content.length) ? content.length : Number(offset);
    const bytes = await readChunks(ctx, content._id, from, Math.min(from + most, content.length));
    return { content: content._id, length: content.length, bytes };
  },
});

/** What follows a place in a session's contents, or null if the session is gone. */
export const list = internalQuery({
  args: { session: v.id("sessions"), after: place },
  handler: async (ctx, { session, after }) =>
    (await ctx.db.get(session)) === null ? null : await contentsOf(ctx, session, after),
});

/** In the order of the index: files, then transcripts, each by name. */
export async function contentsOf(ctx: QueryCtx, session: GenericId<"sessions">, after: { kind: Kind; name: string } | null) {
  const contents: { kind: Kind; name: string; length: number; modifiedAt: bigint }[] = [];
  let characters = 0;
  for (const kind of ["file", "transcript"] as const) {
    if (after !== null && kind < after.kind) {
      continue;
    }
    const range = ctx.db.query("contents").withIndex("by_session", (q) => {
      const ofKind = q.eq("session", session).eq("kind", kind);
      return after?.kind === kind ? ofKind.gt("name", after.name) : ofKind;
    });
    for await (const { name, length, modifiedAt } of range) {
      if (contents.length >= MOST_LISTED || characters >= LISTED_CHARACTERS) {
        return { contents, more: true };
      }
      contents.push({ kind, name, length, modifiedAt });
      characters += name.length;
    }
  }
  return { contents, more: false };
}
