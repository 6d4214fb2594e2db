import type { Doc } from "./builders";
import { type QueryCtx, refusal } from "./builders";

export async function sessionOf(ctx: QueryCtx, sessionId: string): Promise<Doc<"sessions"> | null> {
  return await ctx.db
    .query("sessions")
    .withIndex("by_session_id", (q) => q.eq("sessionId", sessionId))
    .unique();
}

/**
 * The session, if the epoch owns it. A function is one serializable transaction: who has asked this writes as the owner or not at all.
 */
export async function ownedSession(ctx: QueryCtx, sessionId: string, epoch: string): Promise<Doc<"sessions">> {
  const session = await sessionOf(ctx, sessionId);
  if (session === null) {
    throw refusal("NOT_FOUND");
  }
  if (session.owner !== epoch) {
    throw refusal("STALE_OWNER");
  }
  return session;
}
