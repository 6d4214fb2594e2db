package dev.agentruntime.support;

import dev.agentruntime.support.ModelScript.Ending;
import dev.agentruntime.support.ModelScript.Part;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayDeque;
import java.util.List;
import java.util.UUID;

/** One answer of {@link ScriptedModel}: as server-sent events at the script's pace, or whole. */
final class ModelStream {

  /** So that the client has most likely shown what came before. */
  private static final long BREAK_AFTER_MS = 300;

  private final Vertx vertx;
  private final HttpServerRequest request;
  private final String model;
  private final int inputTokens;
  private final String id = id("msg_01");
  private final ArrayDeque<Event> events = new ArrayDeque<>();
  private int outputTokens = 1;
  private boolean gone;

  /** @param afterMs how long to wait before it */
  private record Event(JsonObject data, long afterMs) {}

  ModelStream(Vertx vertx, HttpServerRequest request, String model, int inputTokens) {
    this.vertx = vertx;
    this.request = request;
    this.model = model;
    this.inputTokens = inputTokens;
  }

  private static String id(String prefix) {
    return prefix + UUID.randomUUID().toString().replace("-", "").substring(0, 22);
  }

  void play(ModelScript.Message message) {
    add(new JsonObject().put("type", "message_start").put("message", message(new JsonArray(), null)), 0);
    for (int i = 0; i < message.parts().size(); i++) {
      boolean breaks = message.ending().breaksOff && i == message.parts().size() - 1;
      part(i, message.parts().get(i), breaks);
    }
    switch (message.ending()) {
      case WHOLE, REFUSED -> {
        add(new JsonObject().put("type", "message_delta").put("usage", usage())
            .put("delta", new JsonObject().put("stop_reason", stopReason(message)).putNull("stop_sequence")), 0);
        add(new JsonObject().put("type", "message_stop"), 0);
      }
      case ERROR_EVENT -> add(new JsonObject().put("type", "error")
          .put("error", new JsonObject().put("type", "overloaded_error").put("message", "Overloaded")), BREAK_AFTER_MS);
      case CONNECTION_CUT -> add(null, BREAK_AFTER_MS);
    }
    var response = request.response();
    response.setChunked(true).putHeader("content-type", "text/event-stream");
    response.exceptionHandler(e -> gone = true);
    response.closeHandler(closed -> gone = true);
    next();
  }

  private void next() {
    while (!gone && !events.isEmpty()) {
      Event event = events.peek();
      if (event.afterMs() > 0) {
        events.poll();
        events.addFirst(new Event(event.data(), 0));
        vertx.setTimer(event.afterMs(), fired -> next());
        return;
      }
      events.poll();
      if (event.data() == null) {
        request.connection().close();
        return;
      }
      request.response().write("event: " + event.data().getString("type") + "\ndata: " + event.data().encode() + "\n\n");
    }
    if (!gone) {
      request.response().end();
    }
  }

  private void add(JsonObject data, long afterMs) {
    events.add(new Event(data, afterMs));
  }

  private void part(int index, Part part, boolean breaks) {
    switch (part) {
      case ModelScript.Text text -> {
        start(index, new JsonObject().put("type", "text").put("text", ""));
        deltas(index, "text_delta", "text", text.deltas(), text.everyMs());
      }
      case ModelScript.Thinking thinking -> {
        start(index, new JsonObject().put("type", "thinking").put("thinking", "").put("signature", ""));
        deltas(index, "thinking_delta", "thinking", thinking.deltas(), thinking.everyMs());
        deltas(index, "signature_delta", "signature", List.of("c2NyaXB0"), 0);
      }
      case ModelScript.ToolUse use -> {
        start(index, toolUse(use, new JsonObject()));
        String input = use.input().encode();
        deltas(index, "input_json_delta", "partial_json", List.of("", input.substring(0, input.length() / 2),
            input.substring(input.length() / 2)), 0);
      }
    }
    if (!breaks) {
      add(new JsonObject().put("type", "content_block_stop").put("index", index), 0);
    }
  }

  private void start(int index, JsonObject block) {
    add(new JsonObject().put("type", "content_block_start").put("index", index).put("content_block", block), 0);
  }

  private void deltas(int index, String type, String field, List<String> deltas, long everyMs) {
    outputTokens += deltas.size();
    for (String delta : deltas) {
      add(new JsonObject().put("type", "content_block_delta").put("index", index)
          .put("delta", new JsonObject().put("type", type).put(field, delta)), everyMs);
    }
  }

  private static JsonObject toolUse(ModelScript.ToolUse use, JsonObject input) {
    return new JsonObject().put("type", "tool_use").put("id", id("toolu_01")).put("name", use.name()).put("input", input);
  }

  /** The answer to a request that did not ask for a stream. */
  JsonObject whole(ModelScript.Message message) {
    var content = new JsonArray();
    for (Part part : message.parts()) {
      content.add(switch (part) {
        case ModelScript.Text text -> new JsonObject().put("type", "text").put("text", String.join("", text.deltas()));
        case ModelScript.Thinking thinking -> new JsonObject().put("type", "thinking")
            .put("thinking", String.join("", thinking.deltas())).put("signature", "c2NyaXB0");
        case ModelScript.ToolUse use -> toolUse(use, use.input());
      });
    }
    return message(content, stopReason(message));
  }

  private static String stopReason(ModelScript.Message message) {
    if (message.ending() == Ending.REFUSED) {
      return "refusal";
    }
    return message.parts().stream().anyMatch(ModelScript.ToolUse.class::isInstance) ? "tool_use" : "end_turn";
  }

  private JsonObject message(JsonArray content, String stopReason) {
    return new JsonObject().put("id", id).put("type", "message").put("role", "assistant").put("model", model).put("content", content)
        .put("stop_reason", stopReason).putNull("stop_sequence").put("usage", usage());
  }

  private JsonObject usage() {
    return new JsonObject().put("input_tokens", inputTokens).put("cache_creation_input_tokens", 20)
        .put("cache_read_input_tokens", 1000).put("output_tokens", outputTokens);
  }
}
