package dev.agentruntime.support;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/** A store that can be made to fail. Only what changes something is troubled, and the answer to whether it is there. Thread-safe. */
public final class TroubledStore {

  public enum Trouble {
    NONE,
    /** Does nothing and says so. */
    FAILS,
    /** Does it and says that it failed. */
    LOSES_ANSWERS,
    /** Does one thing more, says that it failed, and does nothing from then on. */
    BREAKS,
    /** Says that it failed, and does it when {@link #doLate()} says so. */
    LATE,
    /** Says nothing until there is no trouble any more, and does it then. */
    HANGS,
    /** Says nothing until there is no trouble any more, and then that it failed, as if a connection had died. */
    DIES
  }

  private final PersistenceAdapter store;
  private volatile Trouble trouble = Trouble.NONE;
  private Promise<Void> over = Promise.promise();
  private String awaited;
  private Function<Supplier<Future<?>>, Future<?>> then;
  private volatile String unread;
  private final List<Supplier<Future<?>>> late = new ArrayList<>();

  public TroubledStore(PersistenceAdapter store) {
    this.store = store;
  }

  public PersistenceAdapter adapter() {
    return Intercepted.of(PersistenceAdapter.class, store, (method, arguments, real) -> answer(method, arguments, () -> (Future<?>) real.get()));
  }

  public synchronized void set(Trouble next) {
    trouble = next;
    if (next == Trouble.NONE) {
      over.complete();
      over = Promise.promise();
    }
  }

  /** What was said to have failed is done now. @return whether each was, or the store refused it */
  public List<Boolean> doLate() {
    List<Supplier<Future<?>>> calls;
    synchronized (this) {
      calls = List.copyOf(late);
      late.clear();
    }
    List<Boolean> done = new ArrayList<>();
    for (Supplier<Future<?>> call : calls) {
      done.add(call.get().transform(result -> Future.succeededFuture(result.succeeded())).toCompletionStage().toCompletableFuture().join());
    }
    return done;
  }

  /** What happens when a transcript has been appended to with a certain text, and before that is answered. */
  public void onceSaved(String text, Runnable work) {
    insteadOfSaving(text, call -> {
      Future<?> done = call.get();
      work.run();
      return done;
    });
  }

  /** The next append to a transcript with a certain text fails. */
  public void failOnce(String text) {
    insteadOfSaving(text, call -> away());
  }

  private synchronized void insteadOfSaving(String text, Function<Supplier<Future<?>>, Future<?>> work) {
    awaited = text;
    then = work;
  }

  /** The next call of this method fails. */
  public void failNext(String method) {
    unread = method;
  }

  private synchronized Function<Supplier<Future<?>>, Future<?>> awaitedBy(Method method, Object[] arguments) {
    if (awaited == null || !method.getName().equals("saveTranscript") || !arguments[4].toString().contains(awaited)) {
      return null;
    }
    awaited = null;
    return then;
  }

  private static Future<?> away() {
    return Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the store is away"));
  }

  private Future<?> answer(Method method, Object[] arguments, Supplier<Future<?>> call) {
    Function<Supplier<Future<?>>, Future<?>> instead = awaitedBy(method, arguments);
    if (instead != null) {
      return instead.apply(call);
    }
    if (method.getName().equals(unread)) {
      unread = null;
      return away();
    }
    boolean troubled = method.getName().matches("create.*|save.*|update.*|replace.*|delete.*|renew.*|ping");
    Future<Void> end;
    synchronized (this) {
      end = over.future();
    }
    return switch (troubled ? trouble : Trouble.NONE) {
      case NONE -> call.get();
      case FAILS -> away();
      case LOSES_ANSWERS -> call.get()
          .compose(done -> Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the answer was lost")));
      case BREAKS -> {
        set(Trouble.FAILS);
        yield call.get()
            .compose(done -> Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the answer was lost")));
      }
      case LATE -> {
        synchronized (this) {
          late.add(call);
        }
        yield Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the store did not answer in time"));
      }
      case DIES -> end.compose(v -> Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the connection died")));
      case HANGS -> end.compose(v -> call.get());
    };
  }
}
