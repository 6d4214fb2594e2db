import { makeFunctionReference } from "convex/server";
import { type GenericId, v } from "convex/values";
import { type Doc, internalMutation, type MutationCtx } from "./builders";
import { Budget, eraseChunks, type Owner } from "./bytes";

// What is large is erased by several transactions. The one that hides it starts them, so that they run whatever becomes of the caller.

const laterChunks = makeFunctionReference<"mutation", { of: Owner }>("erasure:chunks");
const laterContents = makeFunctionReference<"mutation", { session: GenericId<"sessions"> }>("erasure:contents");

/** Erases the chunks of an owner that is gone: in this transaction while the budget lasts, the rest soon. */
export async function discardChunks(ctx: MutationCtx, of: Owner, budget: Budget): Promise<void> {
  if (!(await eraseChunks(ctx, of, budget))) {
    await ctx.scheduler.runAfter(0, laterChunks, { of });
  }
}

/** Nobody sees the content any more; its bytes are erased now or soon. */
export async function discard(ctx: MutationCtx, content: Doc<"contents">, budget: Budget): Promise<void> {
  await ctx.db.delete(content._id);
  budget.spend(0);
  await discardChunks(ctx, content._id, budget);
}

/** Erases the contents of a session that is gone: in this transaction while the budget lasts, the rest soon. */
export async function discardContents(ctx: MutationCtx, session: GenericId<"sessions">): Promise<void> {
  const budget = new Budget();
  for await (const content of ctx.db.query("contents").withIndex("by_session", (q) => q.eq("session", session))) {
    if (budget.isSpent()) {
      await ctx.scheduler.runAfter(0, laterContents, { session });
      return;
    }
    await discard(ctx, content, budget);
  }
}

export const chunks = internalMutation({
  args: { of: v.union(v.id("contents"), v.id("profiles")) },
  handler: async (ctx, { of }) => discardChunks(ctx, of, new Budget()),
});

export const contents = internalMutation({
  args: { session: v.id("sessions") },
  handler: async (ctx, { session }) => discardContents(ctx, session),
});
