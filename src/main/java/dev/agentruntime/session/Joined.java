package dev.agentruntime.session;

/**
 * A reader's start: with {@code snapshot} taken at {@code seq}, or without one when every frame after the reader's own place is still in
 * {@code log}. It goes on by reading {@code log} after {@code seq}.
 *
 * @param seq the reader's place: that of the snapshot, or the one it came with
 * @param snapshot JSON of the {@code SessionSnapshot} as UTF-8, shared, never written to; {@code null} if {@code recovered}
 * @param state what {@code snapshot} is the JSON of: costs little to keep, as it shares what is large with the session, and gives the same JSON
 *     whenever it is encoded, on any thread; {@code null} if {@code recovered}
 */
public record Joined(EventLog log, long seq, boolean recovered, byte[] snapshot, Object state) {}
