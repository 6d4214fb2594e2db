package dev.agentruntime.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.FrameEncoder;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionEvent.BlockDelta;
import dev.agentruntime.protocol.SessionEvent.BlockUpdate;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes fewer frames of many, for a reader that lags: a run of deltas of one block becomes one delta, a run of updates of one block the
 * sum of them. Only neighbours are merged, so folding gives the same. A merged frame has the last number as {@code seq} and the first as
 * {@code firstSeq}.
 *
 * <p>Not thread-safe.
 */
final class FrameMerger {

  private final FrameEncoder encoder;

  FrameMerger(String sessionId) {
    this.encoder = new FrameEncoder(sessionId);
  }

  /**
   * The frames of {@code frames}, merged, until their text exceeds {@code maxTextBytes} (at least one is given). The last one's
   * {@code seq} tells how far it went.
   *
   * @param frames neighbours, not empty
   */
  List<Frame> merge(List<Frame> frames, int maxTextBytes) {
    List<Frame> merged = new ArrayList<>();
    long text = 0;
    int next = 0;
    while (next < frames.size()) {
      int end = runEnd(frames, next, maxTextBytes);
      Frame frame = end - next == 1 ? frames.get(next) : mergeRun(frames.subList(next, end));
      text += frame.json().length;
      if (text > maxTextBytes && !merged.isEmpty()) {
        break;
      }
      merged.add(frame);
      next = end;
    }
    return merged;
  }

  private static int runEnd(List<Frame> frames, int start, int maxTextBytes) {
    SessionEvent first = frames.get(start).event();
    if (!(first instanceof BlockDelta) && !(first instanceof BlockUpdate)) {
      return start + 1;
    }
    SessionEvent.BlockEvent block = (SessionEvent.BlockEvent) first;
    int end = start + 1;
    long text = size(frames.get(start));
    while (end < frames.size() && frames.get(end).event() instanceof SessionEvent.BlockEvent next && next.getClass() == first.getClass()
        && next.blockId().equals(block.blockId()) && next.conversationId().equals(block.conversationId())) {
      text += size(frames.get(end));
      if (text > maxTextBytes) {
        break;
      }
      end++;
    }
    return end;
  }

  private static long size(Frame frame) {
    return frame.event() instanceof BlockDelta delta ? delta.delta().length() : frame.json().length;
  }

  private Frame mergeRun(List<Frame> run) {
    SessionEvent sum = switch (run.getFirst().event()) {
      case BlockDelta first -> {
        StringBuilder text = new StringBuilder();
        run.forEach(frame -> text.append(((BlockDelta) frame.event()).delta()));
        yield new BlockDelta(first.conversationId(), first.blockId(), text.toString());
      }
      case BlockUpdate first -> {
        ObjectNode updates = first.updates().deepCopy();
        run.forEach(frame -> updates.setAll(((BlockUpdate) frame.event()).updates()));
        yield new BlockUpdate(first.conversationId(), first.blockId(), updates);
      }
      default -> throw new IllegalArgumentException("not mergeable");
    };
    Frame last = encoder.encode(run.getLast().seq(), sum);
    return new Frame(last.seq(), sum, withFirstSeq(last, run.getFirst().seq()));
  }

  /** Puts the field after {@code seq}, whose place in the envelope is known. */
  private static byte[] withFirstSeq(Frame frame, long firstSeq) {
    int at = ("{\"event\":\"" + FrameEncoder.name(frame.event()) + "\",\"seq\":" + frame.seq()).length();
    byte[] field = (",\"firstSeq\":" + firstSeq).getBytes(StandardCharsets.US_ASCII);
    byte[] json = new byte[frame.json().length + field.length];
    System.arraycopy(frame.json(), 0, json, 0, at);
    System.arraycopy(field, 0, json, at, field.length);
    System.arraycopy(frame.json(), at, json, at + field.length, frame.json().length - at);
    return json;
  }
}
