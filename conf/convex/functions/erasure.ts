import { makeFunctionReference } from "convex/server";
import { type GenericId, v } from "convex/values";
import { type Doc, internalMutation, type MutationCtx } from "./builders";
import { Budget, eraseChunks } from "./bytes";

// What is large is erased by several transactions. The one that hides it starts them, so that they run whatever becomes of the caller.

const contentReference = makeFunctionReference<"mutation", { content: GenericId<"contents"> }>("erasure:content");
const sessionReference = makeFunctionReference<"mutation", { session: GenericId<"sessions"> }>("erasure:session");

/** Hides a content at once and erases it: in this transaction if the budget has room for it, or else soon. */
export async function discard(ctx: MutationCtx, content: Doc<"contents">, budget: Budget): Promise<void> {
  if (!(await erase(ctx, content, budget))) {
    await ctx.db.patch(content._id, { kind: "erased" });
    await ctx.scheduler.runAfter(0, contentReference, { content: content._id });
  }
}

async function erase(ctx: MutationCtx, content: Doc<"contents">, budget: Budget): Promise<boolean> {
  const erased = (await eraseChunks(ctx, content._id, budget)) && budget.spend(0);
  if (erased) {
    await ctx.db.delete(content._id);
  }
  return erased;
}

export const content = internalMutation({
  args: { content: v.id("contents") },
  handler: async (ctx, args) => {
    const found = await ctx.db.get(args.content);
    if (found !== null && !(await erase(ctx, found, new Budget()))) {
      await ctx.scheduler.runAfter(0, contentReference, args);
    }
  },
});

/** Erases what belongs to a session whose own document is gone, now or soon. */
export async function discardAllOf(ctx: MutationCtx, session: GenericId<"sessions">): Promise<void> {
  const budget = new Budget();
  let erased = await eraseChunks(ctx, session, budget);
  if (erased) {
    for await (const found of ctx.db.query("contents").withIndex("by_session", (q) => q.eq("session", session))) {
      erased = await erase(ctx, found, budget);
      if (!erased) {
        break;
      }
    }
  }
  if (!erased) {
    await ctx.scheduler.runAfter(0, sessionReference, { session });
  }
}

export const session = internalMutation({
  args: { session: v.id("sessions") },
  handler: async (ctx, args) => discardAllOf(ctx, args.session),
});
