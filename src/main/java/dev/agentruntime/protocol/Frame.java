package dev.agentruntime.protocol;

/**
 * An event with its place in the stream, encoded once for everybody.
 *
 * @param seq place in the session's epoch
 * @param event what happened
 * @param json the envelope {@code {"event","seq","data"}} as UTF-8; shared, never written to
 */
public record Frame(long seq, SessionEvent event, byte[] json) {}
