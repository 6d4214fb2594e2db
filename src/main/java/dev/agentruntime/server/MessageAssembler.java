package dev.agentruntime.server;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.WebSocketFrame;

/** Puts a client's message together from its frames, bounded in bytes and in number of fragments. Not thread-safe. */
final class MessageAssembler {

  private static final int MAX_FRAGMENTS = 4_096;
  private static final Buffer EMPTY = Buffer.buffer(0);

  private Buffer message;
  private boolean text;
  private int fragments;

  /** What has come of a frame. */
  enum Result { MORE_TO_COME, TEXT, BINARY, TOO_LARGE }

  /** @param maxBytes of the whole message */
  Result add(WebSocketFrame frame, int maxBytes) {
    if (!frame.isContinuation()) {
      text = frame.isText();
      message = EMPTY;
      fragments = 0;
    }
    Buffer data = frame.binaryData();
    if (++fragments > MAX_FRAGMENTS || (long) message.length() + data.length() > maxBytes) {
      message = EMPTY;
      return Result.TOO_LARGE;
    }
    message = fragments == 1 ? data : (fragments == 2 ? Buffer.buffer().appendBuffer(message) : message).appendBuffer(data);
    if (!frame.isFinal()) {
      return Result.MORE_TO_COME;
    }
    return text ? Result.TEXT : Result.BINARY;
  }

  /** The message that has just become whole. */
  Buffer take() {
    Buffer whole = message;
    message = EMPTY;
    return whole;
  }
}
