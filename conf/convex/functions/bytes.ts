import type { Doc, MutationCtx, QueryCtx } from "./builders";

export type Owner = Doc<"chunks">["of"];

/** A document holds 1 MiB at most. */
export const CHUNK_BYTES = 512 * 1024;

/** How much one transaction erases. What it deletes it has to read, twice as Convex counts. */
export class Budget {
  #bytes = 2 * 1024 * 1024;
  #documents = 1000;

  isSpent(): boolean {
    return this.#bytes <= 0 || this.#documents <= 0;
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
    this.#documents--;
  }
}

export async function insertChunks(ctx: MutationCtx, of: Owner, start: number, bytes: ArrayBuffer): Promise<void> {
  for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) {
    await ctx.db.insert("chunks", { of, start: start + at, bytes: bytes.slice(at, at + CHUNK_BYTES) });
  }
}

/** The bytes from `from` up to `to`; fewer where there are no more. */
export async function readChunks(ctx: QueryCtx, of: Owner, from: number, to: number): Promise<ArrayBuffer> {
  const first = await ctx.db
    .query("chunks")
    .withIndex("by_owner", (q) => q.eq("of", of).lte("start", from))
    .order("desc")
    .first();
  if (first === null || to <= from) {
    return new ArrayBuffer(0);
  }
  const parts = [first.bytes.slice(from - first.start, to - first.start)];
  const rest = ctx.db.query("chunks").withIndex("by_owner", (q) => q.eq("of", of).gt("start", first.start).lt("start", to));
  for await (const chunk of rest) {
    parts.push(chunk.bytes.slice(0, to - chunk.start));
  }
  return concat(parts);
}

/** Puts one chunk in the place of those that begin at `from` or later. */
export async function mergeChunks(ctx: MutationCtx, of: Owner, from: number): Promise<void> {
  const chunks = await ctx.db
    .query("chunks")
    .withIndex("by_owner", (q) => q.eq("of", of).gte("start", from))
    .collect();
  for (const chunk of chunks) {
    await ctx.db.delete(chunk._id);
  }
  await insertChunks(ctx, of, from, concat(chunks.map((chunk) => chunk.bytes)));
}

/** Erases as much as the budget has room for. Says whether nothing is left. */
export async function eraseChunks(ctx: MutationCtx, of: Owner, budget: Budget): Promise<boolean> {
  for await (const chunk of ctx.db.query("chunks").withIndex("by_owner", (q) => q.eq("of", of))) {
    if (budget.isSpent()) {
      return false;
    }
    budget.spend(chunk.bytes.byteLength);
    await ctx.db.delete(chunk._id);
  }
  return true;
}

function concat(parts: ArrayBuffer[]): ArrayBuffer {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return whole.buffer;
}

export function utf8(text: string): ArrayBuffer {
  return new TextEncoder().encode(text).buffer;
}

export async function readText(ctx: QueryCtx, of: Owner): Promise<string> {
  return new TextDecoder().decode(await readChunks(ctx, of, 0, Number.MAX_SAFE_INTEGER));
}
