package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SubagentStatus;
import dev.agentruntime.protocol.UsageMetadata;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;

/** What an agent may say, sane or not: few ids, so that everything collides with everything. */
final class RandomEvents {

  private static final List<String> TEXTS = List.of("", "a", "b\"\\\n", "é", "😀", "\uD83D", "\uDE00", "a long text of many words, ", "\u0000\u2028");
  private static final List<String> TIMES = List.of("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z");

  private RandomEvents() {}

  static Arbitrary<SessionEvent> any() {
    return Arbitraries.frequencyOf(
        Tuple.of(4, starts()),
        Tuple.of(6, deltas()),
        Tuple.of(2, updates()),
        Tuple.of(4, completes()),
        Tuple.of(1, removals()),
        Tuple.of(1, discoveries()),
        Tuple.of(1, ends()),
        Tuple.of(1, usages()));
  }

  private static Arbitrary<SessionEvent> starts() {
    return Combinators.combine(conversations(), blocks()).as(SessionEvent.BlockStart::new);
  }

  private static Arbitrary<SessionEvent> deltas() {
    return Combinators.combine(conversations(), ids(), texts()).as(SessionEvent.BlockDelta::new);
  }

  private static Arbitrary<SessionEvent> completes() {
    return Combinators.combine(conversations(), blocks())
        .as((conversation, block) -> new SessionEvent.BlockComplete(conversation, block.id(), block));
  }

  private static Arbitrary<SessionEvent> removals() {
    return Combinators.combine(conversations(), ids()).as(SessionEvent.BlockRemoved::new);
  }

  private static Arbitrary<SessionEvent> discoveries() {
    return Combinators.combine(conversations(), blocks().list().ofMaxSize(2)).as((id, blocks) ->
        new SessionEvent.SubagentDiscovered(new SessionEvent.SubagentDiscovered.Discovered(id, "helper", "toolu_" + id, blocks)));
  }

  private static Arbitrary<SessionEvent> ends() {
    return Combinators.combine(conversations(), Arbitraries.of(SubagentStatus.class)).as(SessionEvent.SubagentCompleted::new);
  }

  private static Arbitrary<SessionEvent> usages() {
    return Combinators.combine(conversations(), Arbitraries.longs().between(0, 1000)).as((conversation, tokens) ->
        new SessionEvent.MetadataUpdate(conversation,
            new UsageMetadata(UsageMetadata.Usage.of(tokens, 1, 2, 3, 4), tokens / 1000.0, "model")));
  }

  private static Arbitrary<SessionEvent> updates() {
    return Combinators.combine(conversations(), ids(), fields()).as(SessionEvent.BlockUpdate::new);
  }

  private static Arbitrary<ObjectNode> fields() {
    return Arbitraries.of(
        Json.object(),
        Json.object().put("status", "running").set("input", Json.object().put("command", "ls")),
        Json.object().put("status", "success").put("description", "half a pair \uD83D"),
        Json.object().put("status", "no such status"),
        Json.object().put("content", "other").put("model", "m2"),
        Json.object().put("id", "b9").put("type", "thinking").put("timestamp", "later"),
        Json.object().put("id", "b9").put("summary", "in short"),
        Json.object().put("unknown", 1).putNull("status"));
  }

  private static Arbitrary<Block> blocks() {
    return Combinators.combine(ids(), Arbitraries.of(TIMES), Arbitraries.integers().between(0, 7), texts(), Arbitraries.of(CallStatus.class))
        .as(RandomEvents::block);
  }

  private static Block block(String id, String time, int kind, String text, CallStatus status) {
    return switch (kind) {
      case 0 -> new Block.UserMessage(id, time, MessageContent.of("u"));
      case 1 -> new Block.AssistantText(id, time, text, "m");
      case 2 -> new Block.Thinking(id, time, text, null);
      case 3 -> new Block.ToolUse(id, time, "Bash", id, Json.object(), status, null, null);
      case 4 -> new Block.ToolResult(id, time, "b1", TextNode.valueOf(text), false, 5L);
      case 5 -> new Block.SystemNote(id, time, Block.SystemNote.SUBTYPE_STATUS, text, null);
      case 6 -> new Block.SubagentCall(id, time, id, "helper", Json.object(), status, null, null, id);
      default -> new Block.ErrorNote(id, time, text, null);
    };
  }

  private static Arbitrary<String> conversations() {
    return Arbitraries.frequency(Tuple.of(6, "main"), Tuple.of(3, "b1"), Tuple.of(2, "b2"),
        Tuple.of(1, "nowhere"));
  }

  private static Arbitrary<String> ids() {
    return Arbitraries.integers().between(0, 6).map(n -> "b" + n);
  }

  private static Arbitrary<String> texts() {
    return Arbitraries.of(TEXTS);
  }
}
