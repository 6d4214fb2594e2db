package dev.agentruntime.sandbox.modal;

import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;

/** What is uploaded to a process' standard input. It can be read again: an upload that was cut off goes on where the worker says. */
@FunctionalInterface
public interface StdinSource {

  /**
   * @param offset bytes from its start
   * @param length at most so many
   * @return empty at the end, and only there; on any thread
   */
  Future<Buffer> read(long offset, int length);

  static StdinSource of(Buffer bytes) {
    return (offset, length) -> {
      int start = (int) Math.min(offset, bytes.length());
      return Future.succeededFuture(bytes.slice(start, (int) Math.min((long) start + length, bytes.length())));
    };
  }
}
