package dev.agentruntime.support;

import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.session.Joined;
import dev.agentruntime.session.SessionManager;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;

/** Joins a session as a client does, keeps every event, and folds them strictly. Blocking, for tests. */
public final class Follower {

  private static final long PATIENCE_NANOS = 60_000_000_000L;

  public final SessionSnapshot start;
  private final SessionManager sessions;
  private final EventFold fold;
  private final Joined joined;
  private final List<SessionEvent> events = new ArrayList<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition more = lock.newCondition();
  private final Runnable wake = this::signal;
  private long seq;

  public Follower(SessionManager sessions, String sessionId) {
    this.sessions = sessions;
    joined = TestRuntime.await(sessions.join(sessionId, null));
    start = snapshot(joined.snapshot());
    fold = new EventFold(start);
    seq = joined.seq();
    joined.log().subscribe(wake);
  }

  public static SessionSnapshot snapshot(byte[] json) {
    try {
      return Json.MAPPER.readValue(json, SessionSnapshot.class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits for an event, new or already seen. */
  public <E extends SessionEvent> E await(Class<E> type, Predicate<E> wanted) {
    lock.lock();
    try {
      int looked = 0;
      long nanos = PATIENCE_NANOS;
      while (true) {
        read();
        for (; looked < events.size(); looked++) {
          if (type.isInstance(events.get(looked)) && wanted.test(type.cast(events.get(looked)))) {
            return type.cast(events.get(looked));
          }
        }
        if (nanos <= 0) {
          throw new AssertionError("no such " + type.getSimpleName() + " among " + events);
        }
        nanos = more.awaitNanos(nanos);
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    } finally {
      lock.unlock();
    }
  }

  public SessionEvent.TurnCompleted awaitTurn(String turnId) {
    return await(SessionEvent.TurnCompleted.class, completed -> completed.turnId().equals(turnId));
  }

  /** All events so far. */
  public List<SessionEvent> events() {
    lock.lock();
    try {
      read();
      return List.copyOf(events);
    } finally {
      lock.unlock();
    }
  }

  /** The state that a client has who folded every event so far. */
  public EventFold fold() {
    events();
    return fold;
  }

  /** Compares the fold with what the server answers, at the same number. @return what it answers */
  public SessionSnapshot assertFoldIsSnapshot() {
    while (true) {
      SessionSnapshot answered = snapshot(TestRuntime.await(sessions.get(start.session().sessionId())));
      lock.lock();
      try {
        read();
        if (fold.seq() == answered.seq()) {
          if (!fold.snapshot().equals(answered)) {
            throw new AssertionError("folded: " + fold.snapshot() + "\nanswered: " + answered);
          }
          return answered;
        }
      } finally {
        lock.unlock();
      }
    }
  }

  private void read() {
    List<Frame> frames = new ArrayList<>();
    while (seq < joined.log().head()) {
      frames.clear();
      if (!joined.log().read(seq, Integer.MAX_VALUE, frames)) {
        throw new AssertionError("the follower has fallen behind");
      }
      for (Frame frame : frames) {
        seq = frame.seq();
        try {
          fold.applyFrame(Json.tree(frame.json()));
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
        events.add(frame.event());
      }
    }
  }

  private void signal() {
    lock.lock();
    try {
      more.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
