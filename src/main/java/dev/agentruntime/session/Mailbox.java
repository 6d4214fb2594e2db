package dev.agentruntime.session;

import io.vertx.core.Context;
import io.vertx.core.Future;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** Where everything about one session is done: one thing at a time, in the order given, on its own context, with its id in the log. */
final class Mailbox {

  private static final Logger log = LoggerFactory.getLogger(Mailbox.class);

  private final Context context;
  private final String sessionId;

  Mailbox(Context context, String sessionId) {
    this.context = context;
    this.sessionId = sessionId;
  }

  /**
   * Does {@code work} later on the session's context, where it may await. Called from any thread.
   *
   * <p>Mind that an await throws whatever its future failed with, checked or not: {@code catch (Exception e)}. What others wait for has to
   * come to an end also when one session takes the memory of all: {@code catch (Exception | OutOfMemoryError e)}.
   */
  void run(Runnable work) {
    context.runOnContext(v -> {
      MDC.put("sessionId", sessionId);
      try {
        work.run();
      } catch (Exception e) {
        log.error("unexpected failure", e);
      } finally {
        MDC.remove("sessionId");
      }
    });
  }

  /** As {@link #run}, for a step that has a result, which also comes on the session's context: a sandbox answers on any thread. */
  Future<Void> call(Supplier<Future<Void>> step) {
    return Future.future(promise -> run(() -> {
      try {
        step.get().onComplete(done -> run(() -> promise.handle(done)));
      } catch (Exception | OutOfMemoryError e) {
        promise.fail(e);
      }
    }));
  }
}
