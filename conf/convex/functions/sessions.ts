import { type GenericId, v } from "convex/values";
import { type Doc, internalMutation, internalQuery, type MutationCtx, type QueryCtx, refusal } from "./builders";
import { Budget, CHUNK_BYTES, readText, utf8 } from "./bytes";
import { contentOf, contentsOf, grow, newContent } from "./contents";
import { discard, discardContents } from "./erasure";
import { ownedSession, sessionOf } from "./ownership";

/** An answer is ended after as many sessions, or as many characters of their facts. */
const MOST_LISTED = 1000;
const LISTED_CHARACTERS = 512 * 1024;

/** There is one for each writer that died in the middle. */
const MOST_STAGED = 100;

/** In characters, of which each is at most three bytes. */
const INLINE_FACTS = CHUNK_BYTES / 3;

const record = {
  sessionId: v.string(),
  type: v.string(),
  profile: v.string(),
  name: v.union(v.string(), v.null()),
  createdAt: v.int64(),
  lastActivity: v.int64(),
  facts: v.string(),
  recoverable: v.boolean(),
};

type SessionRecord = Omit<Doc<"sessions">, "_id" | "_creationTime" | "owner" | "facts"> & { facts: string };

async function recordOf(ctx: QueryCtx, session: Doc<"sessions">): Promise<SessionRecord> {
  const { _id, _creationTime, owner, facts, ...rest } = session;
  return { ...rest, facts: facts ?? (await largeFacts(ctx, _id)) };
}

async function largeFacts(ctx: QueryCtx, session: GenericId<"sessions">): Promise<string> {
  const content = await contentOf(ctx, session, "facts", "");
  if (content === null) {
    throw refusal("UNAVAILABLE");
  }
  return await readText(ctx, content._id);
}

function inline(facts: string): string | null {
  return facts.length <= INLINE_FACTS ? facts : null;
}

async function storeLargeFacts(ctx: MutationCtx, session: GenericId<"sessions">, facts: string): Promise<void> {
  if (inline(facts) === null) {
    await grow(ctx, await newContent(ctx, session, "facts", "", 0n), utf8(facts));
  }
}

function same(one: SessionRecord, other: SessionRecord): boolean {
  return (Object.keys(record) as (keyof SessionRecord)[]).every((field) => one[field] === other[field]);
}

/** What is left of the erasure of a session that was not there. */
async function erasureOf(ctx: QueryCtx, sessionId: string, epoch: string): Promise<Doc<"erasures"> | null> {
  return await ctx.db
    .query("erasures")
    .withIndex("by_creation", (q) => q.eq("sessionId", sessionId).eq("epoch", epoch))
    .unique();
}

export const create = internalMutation({
  args: { record: v.object(record), epoch: v.string() },
  handler: async (ctx, { record, epoch }) => {
    const existing = await sessionOf(ctx, record.sessionId);
    if (existing === null) {
      if ((await erasureOf(ctx, record.sessionId, epoch)) !== null) {
        throw refusal("NOT_FOUND");
      }
      const session = await ctx.db.insert("sessions", { ...record, facts: inline(record.facts), owner: epoch });
      await storeLargeFacts(ctx, session, record.facts);
    } else if (existing.owner !== epoch || !same(await recordOf(ctx, existing), record)) {
      throw refusal("CONFLICT");
    }
    return null;
  },
});

export const update = internalMutation({
  args: { record: v.object(record), epoch: v.string() },
  handler: async (ctx, { record, epoch }) => {
    const session = await ownedSession(ctx, record.sessionId, epoch);
    const large = session.facts === null ? await contentOf(ctx, session._id, "facts", "") : null;
    if (large !== null) {
      await discard(ctx, large, new Budget());
    }
    await ctx.db.replace(session._id, { ...record, facts: inline(record.facts), owner: epoch });
    await storeLargeFacts(ctx, session._id, record.facts);
    return null;
  },
});

export const find = internalQuery({
  args: { sessionId: v.string() },
  handler: async (ctx, { sessionId }) => {
    const session = await sessionOf(ctx, sessionId);
    return session === null ? null : await recordOf(ctx, session);
  },
});

export const inspect = internalQuery({
  args: { sessionId: v.string() },
  handler: async (ctx, { sessionId }) => await withContents(ctx, await sessionOf(ctx, sessionId)),
});

/** Whose place one takes with `own`; null if there is no such session. */
export const owner = internalQuery({
  args: { sessionId: v.string() },
  handler: async (ctx, { sessionId }) => (await sessionOf(ctx, sessionId))?.owner ?? null,
});

/**
 * Becomes the owner in the place of `before`, and does away with what an earlier one has left half done. Refused if somebody else has become
 * it since `before` was seen: what is carried out late must not take the session from who loaded it after all.
 */
export const own = internalMutation({
  args: { sessionId: v.string(), epoch: v.string(), before: v.string() },
  handler: async (ctx, { sessionId, epoch, before }) => {
    const session = await sessionOf(ctx, sessionId);
    if (session !== null && session.owner !== epoch) {
      if (session.owner !== before) {
        throw refusal("CONFLICT");
      }
      await ctx.db.patch(session._id, { owner: epoch });
      await discardStaged(ctx, session._id);
    }
    return await withContents(ctx, session);
  },
});

async function discardStaged(ctx: MutationCtx, session: GenericId<"sessions">): Promise<void> {
  const staged = await ctx.db
    .query("contents")
    .withIndex("by_session", (q) => q.eq("session", session).eq("kind", "staged"))
    .take(MOST_STAGED);
  const budget = new Budget();
  for (const content of staged) {
    await discard(ctx, content, budget);
  }
}

/** Gives the owner a new epoch; what still comes with the old one is refused. */
export const renew = internalMutation({
  args: { sessionId: v.string(), epoch: v.string(), next: v.string() },
  handler: async (ctx, { sessionId, epoch, next }) => {
    if ((await sessionOf(ctx, sessionId))?.owner !== next) {
      const session = await ownedSession(ctx, sessionId, epoch);
      await ctx.db.patch(session._id, { owner: next });
    }
    return null;
  },
});

/** The record, and the first of the contents; the others are to be asked for with `contents:list`. */
async function withContents(ctx: QueryCtx, session: Doc<"sessions"> | null) {
  return session === null
    ? null
    : { record: await recordOf(ctx, session), session: session._id, contents: await contentsOf(ctx, session._id, null) };
}

/** Newest first; `more` says whether there are others after these. */
export const list = internalQuery({
  args: {
    onlyRecoverable: v.boolean(),
    limit: v.number(),
    after: v.union(v.object({ createdAt: v.int64(), sessionId: v.string() }), v.null()),
  },
  handler: async (ctx, { onlyRecoverable, limit, after }) => {
    const sessions: SessionRecord[] = [];
    let characters = 0;
    for (const range of ranges(ctx, onlyRecoverable, after)) {
      for await (const session of range.order("desc")) {
        if (sessions.length >= Math.min(limit, MOST_LISTED) || characters >= LISTED_CHARACTERS) {
          return { sessions, more: true };
        }
        const listed = await recordOf(ctx, session);
        sessions.push(listed);
        characters += listed.facts.length;
      }
    }
    return { sessions, more: false };
  },
});

/** What follows a place in the list: the rest of its millisecond, then all that is older. */
function ranges(ctx: QueryCtx, onlyRecoverable: boolean, after: { createdAt: bigint; sessionId: string } | null) {
  const all = () => ctx.db.query("sessions");
  if (after === null) {
    return onlyRecoverable
      ? [all().withIndex("newest_recoverable", (q) => q.eq("recoverable", true))]
      : [all().withIndex("newest")];
  }
  const { createdAt, sessionId } = after;
  return onlyRecoverable
    ? [
        all().withIndex("newest_recoverable", (q) => q.eq("recoverable", true).eq("createdAt", createdAt).lt("sessionId", sessionId)),
        all().withIndex("newest_recoverable", (q) => q.eq("recoverable", true).lt("createdAt", createdAt)),
      ]
    : [
        all().withIndex("newest", (q) => q.eq("createdAt", createdAt).lt("sessionId", sessionId)),
        all().withIndex("newest", (q) => q.lt("createdAt", createdAt)),
      ];
}

/**
 * Gone at once for all who look; the bytes of a large session are erased in the transactions that follow. One that is not there is not made
 * for this epoch from then on.
 */
export const remove = internalMutation({
  args: { sessionId: v.string(), epoch: v.string() },
  handler: async (ctx, { sessionId, epoch }) => {
    if ((await sessionOf(ctx, sessionId)) !== null) {
      const session = await ownedSession(ctx, sessionId, epoch);
      await ctx.db.delete(session._id);
      await discardContents(ctx, session._id);
    } else if ((await erasureOf(ctx, sessionId, epoch)) === null) {
      await ctx.db.insert("erasures", { sessionId, epoch });
    }
    return null;
  },
});
