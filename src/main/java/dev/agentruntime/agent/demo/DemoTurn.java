package dev.agentruntime.agent.demo;

import static dev.agentruntime.agent.demo.PlainJson.object;

import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** One turn: the requests of one message, or the news of a background task, run on the thread of the turns. */
final class DemoTurn {

  private static final long RETRY_DELAY_MS = 500;

  private final DemoSession session;
  private final String messageUuid;
  private final Object content;
  private final List<DemoRequest> requests;
  private final String backgroundTask;

  private final String begunTime = DemoTexts.time();
  private long begunAt;
  private boolean replayed;
  private final DemoUsage usage = new DemoUsage();
  private final DemoUsage before = new DemoUsage();
  private final List<String> messageIds = new ArrayList<>();
  private final DemoCalls calls;
  private DemoMessage message;
  private String lastText = "";
  private String stopReason;

  private DemoTurn(DemoSession session, String messageUuid, Object content, List<DemoRequest> requests, String backgroundTask) {
    this.session = session;
    this.messageUuid = messageUuid;
    this.content = content;
    this.requests = requests;
    this.backgroundTask = backgroundTask;
    this.calls = new DemoCalls(session, this);
  }

  /** @param uuid of the message, or {@code null}; {@code content} as it was given */
  static DemoTurn of(DemoSession session, String uuid, Object content) {
    return new DemoTurn(session, uuid, content, DemoLanguage.parse(DemoTranscript.text(content)), null);
  }

  /** The turn that the agent starts by itself when a background task has ended. */
  static DemoTurn afterBackground(DemoSession session, String taskId) {
    var said = new DemoRequest.Say(false, DemoLanguage.words("The background task has ended."), 0);
    return new DemoTurn(session, null, "<task-notification>" + taskId + "</task-notification>", List.of(said), taskId);
  }

  /** Not a turn: no more will come. */
  static DemoTurn last(DemoSession session) {
    return new DemoTurn(session, null, "", List.of(), null);
  }

  boolean isLast() {
    return requests.isEmpty();
  }

  String messageUuid() {
    return messageUuid;
  }

  void run() {
    begin();
    try {
      for (DemoRequest request : requests) {
        if (!perform(request)) {
          return;
        }
      }
      if (message == null && !messageIds.isEmpty()) {
        say(DemoLanguage.words(DemoLanguage.DONE).iterator(), 0);
      }
      endMessage("end_turn");
      end("completed", Map.of("subtype", "success", "is_error", false, "result", lastText));
    } catch (InterruptedException e) {
      interrupted();
    }
  }

  private void begin() {
    begunAt = System.nanoTime();
    before.add(session.total);
    session.system("session_state_changed", "state", "running");
    lifecycle("queued");
    lifecycle("started");
    session.init();
    requesting();
    var saved = object("type", "user", "message", object("role", "user", "content", content), "promptSource", "system");
    if (messageUuid != null) {
      saved.putAll(object("uuid", messageUuid, "timestamp", begunTime, "promptSource", "sdk", "permissionMode", "bypassPermissions"));
    } else if (backgroundTask != null) {
      saved.put("origin", object("kind", "task-notification"));
    }
    session.transcript.message(saved);
    session.out.flush();
  }

  /** The message is repeated when the model has begun to answer, or has failed to. */
  private void replay() {
    if (messageUuid != null && !replayed) {
      replayed = true;
      session.out.line(object("type", "user", "message", object("role", "user", "content", content), "parent_tool_use_id", null,
          "uuid", messageUuid, "timestamp", begunTime, "isReplay", true));
    }
  }

  private void lifecycle(String state) {
    if (messageUuid != null) {
      session.out.line(object("type", "command_lifecycle", "command_uuid", messageUuid, "state", state));
    }
  }

  private void requesting() {
    session.system("status", "status", "requesting", "user_message_uuids", messageUuid == null ? List.of() : List.of(messageUuid));
  }

  /** @return whether the turn goes on */
  private boolean perform(DemoRequest request) throws InterruptedException {
    switch (request) {
      case DemoRequest.Say say when say.thinking() -> message().thinking(say.deltas().iterator(), say.everyMs());
      case DemoRequest.Say say -> say(say.deltas().iterator(), say.everyMs());
      case DemoRequest.Clock clock -> say(clock(clock.deltas()), clock.everyMs());
      case DemoRequest.Flood flood -> lastText = message().flood(flood.deltas());
      case DemoRequest.Write write -> calls.write(write.path(), write.content());
      case DemoRequest.Big big -> calls.write("big.txt", "0123456789abcde\n".repeat(Math.max(1, big.bytes() / 16)));
      case DemoRequest.Edit edit -> {
        Path file = session.tools.resolve(edit.path());
        calls.tool("Edit", object("replace_all", false, "file_path", file.toString(), "old_string", edit.from(), "new_string", edit.to()),
            () -> session.tools.edit(file, edit.from(), edit.to()));
      }
      case DemoRequest.Delete delete -> {
        Path file = session.tools.resolve(delete.path());
        calls.tool("Bash", DemoCalls.bash("rm '" + file + "'", "Delete the file"), () -> session.tools.delete(file));
      }
      case DemoRequest.Sleep sleep -> calls.shell("sleep " + sleep.seconds() + "; echo done", "Sleep");
      case DemoRequest.Subagent subagent -> calls.subagent(subagent.forMs());
      case DemoRequest.Background background -> calls.background(background.afterMs());
      case DemoRequest.Slow slow -> pause(slow.ms());
      case DemoRequest.Echo echo -> say(DemoLanguage.words("You said: " + echo.text()
          + "\nI am the demo agent and understand simple requests only; say help for a list.").iterator(), 0);
      case DemoRequest.Crash crash -> crash(crash.midText());
      case DemoRequest.ApiError error -> {
        apiError(error.status());
        return false;
      }
      case DemoRequest.Plain plain -> perform(plain);
    }
    return true;
  }

  private void perform(DemoRequest.Plain request) throws InterruptedException {
    switch (request) {
      case FAIL -> calls.shell("echo to-stdout; echo to-stderr >&2; exit 7", "Fail with exit code 7");
      case PARALLEL_TOOLS -> calls.parallel();
      case SILENT -> pause(Long.MAX_VALUE);
      case RUBBISH -> {
        session.out.bytes(DemoTexts.rubbish(session.id));
        say(DemoLanguage.words("That was rubbish.").iterator(), 0);
      }
      case RETRY -> {
        endMessage("end_turn");
        retries(529, 2);
        say(DemoLanguage.words("Success after 2 overload errors.").iterator(), 0);
      }
      case CUT -> cut();
      case UNICODE -> say(DemoTexts.UNICODE.iterator(), 0);
      case RECALL -> say(DemoLanguage.words(DemoTexts.recalled(session.userTexts)).iterator(), 0);
      case HELP -> say(DemoLanguage.words(DemoLanguage.HELP).iterator(), 0);
    }
  }

  /** The message that is being said; begun if there is none. */
  DemoMessage message() {
    if (message == null) {
      if (!messageIds.isEmpty()) {
        requesting();
      }
      replay();
      message = new DemoMessage(session, messageIds.isEmpty() ? messageUuid : null);
      messageIds.add(message.id());
    }
    return message;
  }

  void endMessage(String reason) {
    if (message != null) {
      message.end(reason);
      usage.add(message.usage());
      session.total.add(message.usage());
      message = null;
      stopReason = reason;
    }
  }

  private void say(Iterator<String> deltas, long everyMs) throws InterruptedException {
    lastText = message().text(deltas, everyMs);
  }

  /** Looks at the time when it is asked for it; the iterator of a stream does so one ahead. */
  private static Iterator<String> clock(int deltas) {
    return new Iterator<>() {
      private int left = deltas;

      @Override
      public boolean hasNext() {
        return left > 0;
      }

      @Override
      public String next() {
        left--;
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000 + now.getNano() / 1000 + " ";
      }
    };
  }

  private void pause(long ms) throws InterruptedException {
    session.out.flush();
    Thread.sleep(ms);
  }

  private void crash(boolean midText) throws InterruptedException {
    if (midText) {
      message().text(DemoTexts.thenCrash(session.out::flush), 0);
    }
    session.out.flush();
    Runtime.getRuntime().halt(DemoAgent.CRASHED);
  }

  private void cut() throws InterruptedException {
    endMessage("end_turn");
    DemoMessage broken = message();
    messageIds.remove(broken.id());
    broken.breakOff(DemoLanguage.words("This answer will break off in the mid").iterator());
    session.total.add(broken.usage());
    message = null;
    retry(1, 0);
    say(DemoLanguage.words("The whole answer on the second try.").iterator(), 0);
  }

  /** @param status 0 for a connection that broke */
  private void retry(int attempt, int status) throws InterruptedException {
    long delayMs = RETRY_DELAY_MS * attempt;
    session.system("api_retry", "attempt", attempt, "max_retries", 2, "retry_delay_ms", delayMs,
        "error_status", status == 0 ? null : status, "error", DemoTexts.apiError(status));
    pause(delayMs);
  }

  private void retries(int status, int count) throws InterruptedException {
    for (int attempt = 1; attempt <= count; attempt++) {
      retry(attempt, status);
    }
  }

  private void apiError(int status) throws InterruptedException {
    endMessage("end_turn");
    retries(status, status == 400 ? 0 : 2);
    replay();
    String text = "API Error: " + status + " " + DemoTexts.apiError(status);
    String uuid = DemoIds.uuid();
    String timestamp = DemoTexts.time();
    var synthetic = object("id", DemoIds.uuid(), "type", "message", "role", "assistant", "model", "<synthetic>",
        "content", List.of(object("type", "text", "text", text)), "stop_reason", "stop_sequence", "stop_sequence", "",
        "usage", new DemoUsage().usage());
    session.out.line(object("type", "assistant", "message", synthetic, "parent_tool_use_id", null, "uuid", uuid, "timestamp", timestamp,
        "is_api_error_message", true, "error", DemoTexts.apiError(status), "api_error_status", status));
    session.transcript.message(object("type", "assistant", "message", synthetic, "uuid", uuid, "timestamp", timestamp,
        "error", DemoTexts.apiError(status), "isApiErrorMessage", true, "apiErrorStatus", status));
    stopReason = "stop_sequence";
    end("api_error", Map.of("subtype", "success", "is_error", true, "api_error_status", status, "result", text));
  }

  private void interrupted() {
    session.tools.killChildren();
    replay();
    boolean inTools = message == null && calls.anyRuns();
    if (inTools) {
      calls.stop();
    }
    Runnable say = () -> calls.userLine(List.of(object("type", "text", "text",
        inTools ? "[Request interrupted by user for tool use]" : "[Request interrupted by user]")), object(), object());
    if (message == null) {
      say.run();
    } else {
      message.interrupted(say);
      session.total.add(message.usage());
      message = null;
    }
    end(inTools ? "aborted_tools" : "aborted_streaming", Map.of("subtype", "error_during_execution", "is_error", true,
        "errors", List.of("[ede_diagnostic] result_type=user last_content_type=n/a stop_reason=" + stopReason)));
  }

  private void end(String terminalReason, Map<String, Object> outcome) {
    if (messageUuid != null) {
      session.userTexts.add(DemoTranscript.text(content));
    }
    session.failed = Boolean.TRUE.equals(outcome.get("is_error"));
    session.transcript.costState(session.total, session.model);
    long ms = (System.nanoTime() - begunAt) / 1_000_000;
    var line = object("type", "result", "duration_api_ms", ms, "duration_ms", ms, "stop_reason", stopReason,
        "total_cost_usd", session.total.dollars(), "usage", usage.usage(),
        "modelUsage", object(session.model, session.total.modelUsage()),
        "model_usage_since_last_result", object(session.model, session.total.minus(before).modelUsage()), "permission_denials", List.of(),
        "terminal_reason", terminalReason, "num_turns", Math.max(1, messageIds.size()), "begun_message_ids", messageIds,
        "queued_turn_count", session.turns.size(), "result_index", session.results++);
    line.putAll(outcome);
    if (messageUuid != null) {
      line.putAll(object("user_message_uuid", messageUuid, "user_message_uuids", List.of(messageUuid)));
    } else if (backgroundTask != null) {
      line.put("origin", object("kind", "task-notification", "producer", "session-task"));
    }
    session.out.line(line);
    lifecycle(session.failed ? "cancelled" : "completed");
    session.system("session_state_changed", "state", "idle");
    session.out.flush();
  }
}
