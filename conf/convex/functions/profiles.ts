import { v } from "convex/values";
import { type Doc, internalMutation, internalQuery, type MutationCtx, type QueryCtx, refusal } from "./builders";
import { Budget, insertChunks, readText, utf8 } from "./bytes";
import { discardChunks } from "./erasure";

/** An answer is ended after as many profiles, or as many bytes of their documents. */
const MOST_LISTED = 1000;
const LISTED_BYTES = 1024 * 1024;

async function profileOf(ctx: QueryCtx, profileId: string): Promise<Doc<"profiles"> | null> {
  return await ctx.db
    .query("profiles")
    .withIndex("by_profile_id", (q) => q.eq("profileId", profileId))
    .unique();
}

async function whole(ctx: QueryCtx, { _id, profileId, version }: Doc<"profiles">) {
  return { profileId, version, document: await readText(ctx, _id) };
}

export const load = internalQuery({
  args: { profileId: v.string() },
  handler: async (ctx, { profileId }) => {
    const profile = await profileOf(ctx, profileId);
    return profile === null ? null : await whole(ctx, profile);
  },
});

/** By id; `more` says whether there are others after these. */
export const list = internalQuery({
  args: { after: v.union(v.string(), v.null()) },
  handler: async (ctx, { after }) => {
    const profiles: Awaited<ReturnType<typeof whole>>[] = [];
    let bytes = 0;
    const range = ctx.db.query("profiles").withIndex("by_profile_id", (q) => (after === null ? q : q.gt("profileId", after)));
    for await (const profile of range) {
      if (profiles.length >= MOST_LISTED || bytes >= LISTED_BYTES) {
        return { profiles, more: true };
      }
      profiles.push(await whole(ctx, profile));
      bytes += profile.length;
    }
    return { profiles, more: false };
  },
});

async function discard(ctx: MutationCtx, profile: Doc<"profiles">): Promise<void> {
  await ctx.db.delete(profile._id);
  await discardChunks(ctx, profile._id, new Budget());
}

export const save = internalMutation({
  args: { profileId: v.string(), version: v.string(), document: v.string(), expectedVersion: v.union(v.string(), v.null()) },
  handler: async (ctx, { profileId, version, document, expectedVersion }) => {
    const stored = await profileOf(ctx, profileId);
    if (stored?.version === version) {
      return null; // saved before
    }
    if ((stored?.version ?? null) !== expectedVersion) {
      throw refusal("CONFLICT");
    }
    if (stored !== null) {
      await discard(ctx, stored);
    }
    const bytes = utf8(document);
    await insertChunks(ctx, await ctx.db.insert("profiles", { profileId, version, length: bytes.byteLength }), 0, bytes);
    return null;
  },
});

export const remove = internalMutation({
  args: { profileId: v.string(), expectedVersion: v.union(v.string(), v.null()) },
  handler: async (ctx, { profileId, expectedVersion }) => {
    const stored = await profileOf(ctx, profileId);
    if (stored !== null) {
      if (stored.version !== expectedVersion) {
        throw refusal("CONFLICT");
      }
      await discard(ctx, stored);
    }
    return null;
  },
});
