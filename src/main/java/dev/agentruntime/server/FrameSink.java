package dev.agentruntime.server;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.session.Joined;

/**
 * A client's end of the wire, as its {@link FeedReader}s see it. What is given to it goes out in that order. Everything happens on the
 * client's event loop.
 */
interface FrameSink {

  /** Whether frames may be written now; what does not fit is not kept here, it stays in the session's log. */
  boolean writable();

  /** Writes a batch; only while {@link #writable()}. The batch stays the caller's. */
  void write(Batch batch);

  /** Calls {@link FeedReader#pump()} as soon as, and as long as, there is room and the reader has something to say. */
  void enlist(FeedReader reader);

  /**
   * Takes the one place for a snapshot that no client asked for, so that one with many sessions costs one at a time. It is given back by
   * {@link #snapshotDone()}.
   *
   * @return false if it is taken; the reader is enlisted again when it is free
   */
  boolean snapshotBegun(FeedReader reader);

  void snapshotDone();

  /**
   * The start of a feed: {@code session:joined}.
   *
   * @param id of the request, or {@code null} if the client did not ask
   */
  void joined(Joined joined, JsonNode id);

  /** The feed has ended: {@code session:left}. */
  void left(FeedReader reader, String reason);

  /** The feed is interrupted, and will go on. */
  void troubled(FeedReader reader, ApiException problem);
}
