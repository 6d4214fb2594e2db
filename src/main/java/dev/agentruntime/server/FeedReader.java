package dev.agentruntime.server;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.session.Joined;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;

/**
 * One client's place in one session.
 *
 * <pre>
 *           join                caught up
 *  JOINING ------> LAGGING ---------------> LIVE -- session unloaded --> PARKED
 *     ^              ^  | log has forgotten   | sink is full               |
 *     |              +--|---------------------+                            |
 *     +-- OUTDATED <----+<------------- session loaded again --------------+
 * </pre>
 *
 * A live reader is given what the {@link SessionFanout} encoded for all. A lagging one reads the log from its own place, merged, as its
 * sink takes it; nothing is kept for it meanwhile. All methods are called on the client's event loop.
 */
final class FeedReader {

  private enum State { JOINING, LAGGING, LIVE, PARKED, OUTDATED, LEFT }

  /** Text given to a lagging client in one write. */
  private static final int WRITE_BYTES = 32 * 1024;

  /** Text looked at to fill one write; more than that, since deltas shrink much when merged. */
  private static final int READ_BYTES = 512 * 1024;

  private final LoopFeeds feeds;
  private final FrameSink sink;
  private final String sessionId;
  private SessionFanout fanout;
  private long cursor;
  private State state = State.JOINING;
  private boolean troubled;

  FeedReader(LoopFeeds feeds, FrameSink sink, String sessionId) {
    this.feeds = feeds;
    this.sink = sink;
    this.sessionId = sessionId;
  }

  String sessionId() {
    return sessionId;
  }

  /** The number of the last event that was given to the sink. */
  long cursor() {
    return cursor;
  }

  boolean live() {
    return state == State.LIVE;
  }

  /** @param id of the client's request, or {@code null} */
  void start(Joined joined, JsonNode id) {
    if (state == State.LEFT) {
      return;
    }
    troubled = false;
    sink.joined(joined, id);
    cursor = joined.seq();
    moveTo(feeds.fanout(joined.log()));
    state = State.LAGGING;
    sink.enlist(this);
  }

  /** The client goes, or wants no more of this session. */
  void leave() {
    state = State.LEFT;
    moveTo(null);
  }

  /** Says something to the sink, which has room. @return whether there is, or may be, more to say */
  boolean pump() {
    return switch (state) {
      case LAGGING -> catchUp();
      case OUTDATED -> joinAgain();
      case JOINING, LIVE, PARKED, LEFT -> false;
    };
  }

  private boolean catchUp() {
    if (cursor == fanout.cursor()) {
      state = State.LIVE;
      fanout.follow(this);
      return false;
    }
    List<Frame> frames = new ArrayList<>();
    if (!fanout.log().read(cursor, READ_BYTES, frames)) {
      feeds.metrics().snapshotsForSlowReaders.increment();
      state = State.OUTDATED;
      return true;
    }
    while (frames.getLast().seq() > fanout.cursor()) {
      frames.removeLast();
    }
    Batch batch = new Batch(fanout.log(), fanout.merger().merge(frames, WRITE_BYTES));
    try {
      sink.write(batch);
      cursor = batch.lastSeq();
      feeds.metrics().framesOut.increment(batch.frames().size());
    } finally {
      batch.release();
    }
    return true;
  }

  /** @return whether the sink took it; if not, the reader lags from now on */
  boolean offer(Batch batch) {
    if (state != State.LIVE) {
      return false;
    }
    if (sink.writable()) {
      sink.write(batch);
      cursor = batch.lastSeq();
      return true;
    }
    lag();
    return false;
  }

  void lag() {
    state = State.LAGGING;
    sink.enlist(this);
  }

  /** The session's log has ended and this reader has all of it. */
  void park() {
    state = State.PARKED;
  }

  /** The session is in memory again, with another log. */
  void outdated() {
    state = State.OUTDATED;
    sink.enlist(this);
  }

  private boolean joinAgain() {
    if (!sink.snapshotBegun(this)) {
      return false;
    }
    state = State.JOINING;
    Future<Joined> join = feeds.join(sessionId);
    join.onComplete(answer -> feeds.execute(() -> {
      sink.snapshotDone();
      if (state == State.LEFT) {
        return;
      }
      if (answer.succeeded()) {
        start(answer.result(), null);
      } else {
        joinFailed(answer.cause());
      }
    }));
    return false;
  }

  private void joinFailed(Throwable cause) {
    ApiException problem = ErrorResponses.toApiException(cause, "join of " + sessionId);
    if (problem.code() == ErrorCode.SESSION_NOT_FOUND) {
      end("deleted");
      return;
    }
    if (!troubled) {
      troubled = true;
      sink.troubled(this, problem);
    }
    feeds.later(() -> {
      if (state == State.JOINING) {
        outdated();
      }
    });
  }

  void end(String reason) {
    if (state != State.LEFT) {
      leave();
      sink.left(this, reason);
    }
  }

  private void moveTo(SessionFanout next) {
    if (fanout != null && fanout != next) {
      fanout.remove(this);
    }
    if (next != null && fanout != next) {
      next.add(this, cursor);
    }
    fanout = next;
  }
}
