package dev.agentruntime.sandbox.modal;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.function.Consumer;

/**
 * What a supervisor is told: frames, in order, in as few calls as may be. While one call is under way all that comes meanwhile waits for the
 * next. On the router's event loop.
 */
final class SupervisorInput {

  /** Of one call. */
  private static final int MOST_BYTES = 2 << 20;
  private static final int PREFIX_BYTES = 8;
  private static final long MOMENT_MS = 5;

  private final CommandRouter router;
  private final String execId;
  private final Consumer<Throwable> onFailure;
  private final Queue<Buffer> waiting = new ArrayDeque<>();
  private long written;
  private boolean writing;

  SupervisorInput(CommandRouter router, String execId, Consumer<Throwable> onFailure) {
    this.router = router;
    this.execId = execId;
    this.onFailure = onFailure;
  }

  /** @param hasTime whether it may wait a moment for something else to go with it */
  void send(JsonObject header, Buffer body, boolean hasTime) {
    Buffer head = header.toBuffer();
    waiting.add(Buffer.buffer(PREFIX_BYTES + head.length()).appendInt(head.length()).appendInt(body.length()).appendBuffer(head));
    for (int at = 0; at < body.length(); at += MOST_BYTES) {
      waiting.add(body.slice(at, Math.min(body.length(), at + MOST_BYTES)));
    }
    if (hasTime) {
      router.scope().delay(MOMENT_MS).onSuccess(v -> write());
    } else {
      write();
    }
  }

  private void write() {
    if (writing || waiting.isEmpty()) {
      return;
    }
    writing = true;
    Buffer part = Buffer.buffer();
    while (!waiting.isEmpty() && (part.length() == 0 || part.length() + waiting.peek().length() <= MOST_BYTES)) {
      part.appendBuffer(waiting.poll());
    }
    router.write(execId, written, part, false).onComplete(done -> {
      writing = false;
      if (done.failed()) {
        waiting.clear();
        onFailure.accept(done.cause());
      } else {
        written += part.length();
        write();
      }
    });
  }
}
