package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.support.Intercepted;
import dev.agentruntime.support.toy.ToyServer;
import io.vertx.core.Vertx;
import io.vertx.core.internal.VertxInternal;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** Another server takes a session in the very moment in which it comes into memory. */
class LostWhileLoadedTest extends TroubledSession {

  private final CompletableFuture<Void> lost = new CompletableFuture<>();
  private final AtomicBoolean taken = new AtomicBoolean();
  private final AtomicBoolean held = new AtomicBoolean();

  private final AppenderBase<ILoggingEvent> ear = new AppenderBase<>() {
    @Override
    protected void append(ILoggingEvent event) {
      if (event.getFormattedMessage().equals("session " + session + " was taken over by another server")) {
        // When the session's context has done what it does about it.
        Vertx.currentContext().runOnContext(v -> lost.complete(null));
      }
    }
  };

  /** From the load on nothing comes to an end on the event loop, and another server has the session before its first write. */
  private PersistenceAdapter racing() {
    return Intercepted.of(PersistenceAdapter.class, memory, (method, arguments, real) -> {
      if (method.getName().equals("readTranscript") && held.compareAndSet(false, true)) {
        holdEventLoop();
      } else if (method.getName().startsWith("update") && taken.compareAndSet(false, true)) {
        await(memory.loadSession(session, "another"));
      }
      return real.get();
    });
  }

  private void holdEventLoop() {
    CompletableFuture<Void> holds = new CompletableFuture<>();
    ((VertxInternal) Vertx.currentContext().owner()).createEventLoopContext().runOnContext(v -> {
      holds.complete(null);
      lost.join();
    });
    holds.join();
  }

  @Test
  void itIsLoadedAgain() {
    CompletableFuture<Void> killed = new CompletableFuture<>();
    store.onceSaved("\"k\":\"accepted\"", () -> {
      server.kill();
      killed.complete(null);
    });
    server.send(session, "say hello", UUID.randomUUID().toString(), null);
    killed.join();
    server.close();
    Logger logger = (Logger) LoggerFactory.getLogger(LoadedSessions.class);
    ear.start();
    logger.addAppender(ear);
    try {
      server = new ToyServer(world, racing(), Map.of());
      assertThat(await(server.sessions.get(session))).isNotEmpty();
    } finally {
      logger.detachAppender(ear);
    }
  }
}
