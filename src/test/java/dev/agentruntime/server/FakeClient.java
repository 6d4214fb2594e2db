package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.Position;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.session.Joined;
import dev.agentruntime.support.EventFold;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Executor;

/** A client that takes as many bytes as the test lets it, and folds strictly what it is given. */
final class FakeClient implements FrameSink {

  private final LoopFeeds feeds;
  private final Executor loop;
  private final Deque<FeedReader> lagging = new ArrayDeque<>();
  private FeedReader reader;
  private EventFold fold;
  private String epoch;
  private long room;
  private final List<FeedReader> wantSnapshot = new ArrayList<>();
  private boolean snapshotTaken;
  private String leftFor;
  int snapshots;
  int mergedFrames;
  long largestWrite;

  FakeClient(LoopFeeds feeds, Executor loop) {
    this.feeds = feeds;
    this.loop = loop;
  }

  void join(FakeSession session, boolean recover) {
    leave();
    leftFor = null;
    Position since = recover && epoch != null ? new Position(epoch, fold.seq()) : null;
    FeedReader joining = new FeedReader(feeds, this, FakeSession.ID);
    reader = joining;
    session.join(since).onSuccess(joined -> joining.start(joined, null)).onFailure(cause -> joining.end("deleted"));
  }

  void leave() {
    if (reader != null) {
      reader.leave();
      lagging.remove(reader);
      reader = null;
    }
  }

  boolean follows() {
    return reader != null;
  }

  boolean live() {
    return reader != null && reader.live();
  }

  EventFold fold() {
    return fold;
  }

  String epoch() {
    return epoch;
  }

  String leftFor() {
    return leftFor;
  }

  /** The client reads some, or stops ({@code 0}). */
  void room(long bytes) {
    room = bytes;
    loop.execute(this::pump);
  }

  private void pump() {
    while (writable() && !lagging.isEmpty()) {
      FeedReader next = lagging.poll();
      if (next.pump()) {
        lagging.add(next);
      }
    }
  }

  @Override
  public boolean writable() {
    return room > 0;
  }

  @Override
  public void write(Batch batch) {
    assertThat(writable()).isTrue();
    ByteBuf bytes = batch.encoded(FrameFormat.WEB_SOCKET);
    room -= bytes.readableBytes();
    largestWrite = Math.max(largestWrite, batch.textBytes());
    bytes.release();
    for (Frame frame : batch.frames()) {
      try {
        JsonNode json = Json.tree(frame.json());
        mergedFrames += json.has("firstSeq") ? 1 : 0;
        fold.applyFrame(json);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @Override
  public void enlist(FeedReader enlisted) {
    if (!lagging.contains(enlisted)) {
      lagging.add(enlisted);
    }
    loop.execute(this::pump);
  }

  @Override
  public boolean snapshotBegun(FeedReader asking) {
    if (snapshotTaken) {
      wantSnapshot.add(asking);
      return false;
    }
    snapshotTaken = true;
    return true;
  }

  @Override
  public void snapshotDone() {
    snapshotTaken = false;
    List<FeedReader> waiting = List.copyOf(wantSnapshot);
    wantSnapshot.clear();
    waiting.forEach(this::enlist);
  }

  @Override
  public void joined(Joined joined, JsonNode id) {
    if (joined.recovered()) {
      assertThat(joined.log().epoch()).isEqualTo(epoch);
      assertThat(joined.seq()).isEqualTo(fold.seq());
      return;
    }
    snapshots++;
    epoch = joined.log().epoch();
    try {
      fold = new EventFold(Json.MAPPER.readValue(joined.snapshot(), SessionSnapshot.class));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    assertThat(fold.seq()).isEqualTo(joined.seq());
  }

  @Override
  public void left(FeedReader leaving, String reason) {
    assertThat(leaving).isSameAs(reader);
    leftFor = reason;
    reader = null;
  }

  @Override
  public void troubled(FeedReader troubled, ApiException problem) {
    throw new AssertionError(problem);
  }
}
