package dev.agentruntime.support;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * What {@link ScriptedModel} answers. The scenario is named by the last tag {@code play:<name> <key>=<value> ...} in the last user text
 * that has one (values are URL-encoded); the answer is its step number n, with n model messages since then, so that a loop of tool calls
 * walks through it.
 */
final class ModelScript {

  private static final Pattern TAG = Pattern.compile("play:([a-z0-9]+)((?:[ \\t]+[a-z]+=\\S+)*)");
  /** In the CLI's request for a summary, with which it goes on instead of the whole conversation. */
  private static final String COMPACTION = "create a detailed summary of the conversation";
  static final String SUMMARY = "The summary says it all.";
  private static final Pattern REMINDER = Pattern.compile("(?s)<system-reminder>.*?</system-reminder>");

  private final Map<String, Integer> attempts = new ConcurrentHashMap<>();

  /** What the model says to one request. */
  sealed interface Reply permits Message, Failure {}

  /**
   * @param ending whether the answer ends, or how it breaks in the middle of its last part
   * @param tokens as which it counts what it was asked with, beside a few
   */
  record Message(List<Part> parts, Ending ending, int tokens) implements Reply {
    Message(List<Part> parts, Ending ending) {
      this(parts, ending, 0);
    }

    static Message of(Part... parts) {
      return new Message(List.of(parts), Ending.WHOLE);
    }
  }

  enum Ending {
    WHOLE(false), REFUSED(false), ERROR_EVENT(true), CONNECTION_CUT(true);

    /** Whether the last part is not whole. */
    final boolean breaksOff;

    Ending(boolean breaksOff) {
      this.breaksOff = breaksOff;
    }
  }

  /** The API's error instead of an answer. */
  record Failure(int status, String type, String message) implements Reply {}

  sealed interface Part permits Text, Thinking, ToolUse {}

  record Text(List<String> deltas, long everyMs) implements Part {}

  record Thinking(List<String> deltas, long everyMs) implements Part {}

  record ToolUse(String name, JsonObject input) implements Part {}

  private record Tag(String name, Map<String, String> parameters, int step) {
    int number(String key, int otherwise) {
      return parameters.containsKey(key) ? Integer.parseInt(parameters.get(key)) : otherwise;
    }

    String text(String key, String otherwise) {
      return parameters.getOrDefault(key, otherwise);
    }
  }

  Reply reply(JsonObject request) {
    JsonArray messages = request.getJsonArray("messages");
    if (text(messages.getJsonObject(messages.size() - 1)).contains(COMPACTION)) {
      return compaction(tag(messages));
    }
    Tag tag = tag(messages);
    if (tag == null) {
      return said("Nothing to play.");
    }
    List<Reply> steps = steps(tag, messages);
    return tag.step() < steps.size() ? steps.get(tag.step()) : said("The scenario is over.");
  }

  /** {@code compaction=<status>} in the last message that it is about has it fail. */
  private static Reply compaction(Tag tag) {
    int status = tag == null ? 0 : tag.number("compaction", 0);
    return status == 0 ? said("<summary>" + SUMMARY + "</summary>") : new Failure(status, "overloaded_error", "no summary, says the script");
  }

  private static Tag tag(JsonArray messages) {
    int answers = 0;
    for (int i = messages.size() - 1; i >= 0; i--) {
      JsonObject message = messages.getJsonObject(i);
      if ("assistant".equals(message.getString("role"))) {
        answers++;
      } else if ("user".equals(message.getString("role"))) {
        Matcher found = TAG.matcher(REMINDER.matcher(text(message)).replaceAll(""));
        Named last = Named.lastOf(found);
        if (last != null) {
          return new Tag(last.name(), last.parameters(), answers);
        }
      }
    }
    return null;
  }

  private record Named(String name, Map<String, String> parameters) {
    static Named lastOf(Matcher matcher) {
      Named last = null;
      while (matcher.find()) {
        var parameters = new ConcurrentHashMap<String, String>();
        for (String pair : matcher.group(2).trim().split("\\s+")) {
          int equals = pair.indexOf('=');
          if (equals > 0) {
            parameters.put(pair.substring(0, equals), URLDecoder.decode(pair.substring(equals + 1), StandardCharsets.UTF_8));
          }
        }
        last = new Named(matcher.group(1), parameters);
      }
      return last;
    }
  }

  /** The text parts of a message, not its tool results. */
  static String text(JsonObject message) {
    if (message.getValue("content") instanceof JsonArray parts) {
      var texts = new ArrayList<String>();
      for (int i = 0; i < parts.size(); i++) {
        if ("text".equals(parts.getJsonObject(i).getString("type"))) {
          texts.add(parts.getJsonObject(i).getString("text"));
        }
      }
      return String.join("\n", texts);
    }
    return message.getString("content", "");
  }

  private List<Reply> steps(Tag tag, JsonArray messages) {
    long every = tag.number("delay", 2);
    return switch (tag.name()) {
      case "text" -> List.of(Message.of(new Text(numbered("word", tag.number("n", 40)), every)));
      case "slow" -> List.of(Message.of(new Text(numbered("s", tag.number("n", 400)), tag.number("delay", 50))));
      case "hello" -> List.of(said("Hello, " + tag.text("say", "world") + "."));
      case "history" -> List.of(said(history(messages)));
      case "think" -> List.of(Message.of(new Thinking(words("Let me think about this, step by step."), every),
          new Text(words("The answer is 42, after some thought."), every)));
      case "slowthink" -> List.of(Message.of(new Thinking(numbered("t", tag.number("n", 400)), tag.number("delay", 50)),
          new Text(words("That was a long thought."), every)));
      case "refuse" -> List.of(new Message(List.of(new Text(words("I will not"), every)), Ending.REFUSED),
          new Message(List.of(), Ending.REFUSED));
      case "large" -> List.of(new Message(List.of(new Text(words("A long conversation."), every)), Ending.WHOLE, tag.number("tokens", 0)));
      case "files" -> List.of(
          calling("I will write a file.", write("note.txt", "alpha\nbeta\ngamma\n")),
          calling("Now I edit it.", new ToolUse("Edit", new JsonObject().put("file_path", "note.txt").put("old_string", "beta")
              .put("new_string", "BETA"))),
          calling("Now I delete it.", bash("cat note.txt && rm note.txt", "Show and delete the file")),
          said("All three are done."));
      case "write" -> List.of(calling("I will write a file.", write(tag.text("file", "note.txt"), tag.text("content", "hello"))),
          said("Written."));
      case "toolerror" -> List.of(
          calling("I read a file that is not there.", new ToolUse("Read", new JsonObject().put("file_path", "missing.txt"))),
          calling("And a command that fails.", bash("echo to-stdout; echo to-stderr >&2; exit 7", "Fail with exit code 7")),
          said("Both errors were seen."));
      case "agent" -> List.of(calling("I delegate.", agent("Count the words", "play:sub Please count the words.", tag)),
          said("The subagent has finished."));
      case "slowagent" -> List.of(calling("I delegate.", agent("Take your time", "play:slowtool mark=" + tag.text("mark", "done"), tag)),
          said("The subagent has finished."));
      case "sub" -> List.of(Message.of(new Thinking(words("The subagent thinks."), every), new Text(words("I list the files."), every),
          bash("ls -a", "List the files")), said("The count is 7 words."));
      case "parallel" -> List.of(calling("Two calls at once.", bash("sleep 0.3; echo first", "First"), bash("echo second", "Second")),
          said("Both have returned."));
      case "slowtool" -> List.of(calling("A slow command.", bash("sleep 20; echo " + tag.text("mark", "done"), "Sleep")),
          said("The slow command has ended."));
      case "run" -> List.of(calling("A command.", bash(tag.text("command", "true"), "Run")), said("It has ended."));
      case "tool" -> List.of(calling("I use a tool.", new ToolUse(tag.text("name", "Bash"), new JsonObject(tag.text("input", "{}")))),
          said("I have used it."));
      case "overloaded" -> failing(tag, new Failure(529, "overloaded_error", "Overloaded"), said("Success after overload."));
      case "limited" -> failing(tag, new Failure(429, "rate_limit_error", "Too many requests"), said("Success after the limit."));
      case "midstream" -> failing(tag, new Message(List.of(new Text(words("This will break off in the mid"), every)), Ending.ERROR_EVENT),
          said("The whole answer on the second try."));
      case "cut" -> failing(tag, new Message(List.of(new Text(words("This connection will drop in the mid"), every)),
          Ending.CONNECTION_CUT), said("The whole answer after the drop."));
      case "auth401" -> List.of(new Failure(401, "authentication_error", "invalid x-api-key"));
      case "toolong" -> failing(tag, new Failure(400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
          said("Short enough."));
      case "bad400" -> List.of(new Failure(400, "invalid_request_error", "a bad request, says the script"));
      default -> List.of(said("There is no scenario " + tag.name() + "."));
    };
  }

  /** Fails {@code fails} times, once unless the tag says otherwise; {@code key} tells scenarios of one kind apart. */
  private List<Reply> failing(Tag tag, Reply failure, Reply success) {
    int attempt = attempts.merge(tag.name() + ":" + tag.text("key", ""), 1, Integer::sum);
    return List.of(attempt <= tag.number("fails", 1) ? failure : success);
  }

  private static String history(JsonArray messages) {
    var lines = new ArrayList<String>();
    for (int i = 0; i < messages.size() - 1; i++) {
      String text = REMINDER.matcher(text(messages.getJsonObject(i))).replaceAll("").strip();
      if (!text.isEmpty() && !"system".equals(messages.getJsonObject(i).getString("role"))) {
        lines.add(messages.getJsonObject(i).getString("role") + ": " + text);
      }
    }
    return "I remember:\n" + String.join("\n", lines);
  }

  private static Reply said(String text) {
    return Message.of(new Text(words(text), 0));
  }

  private static Reply calling(String text, ToolUse... calls) {
    var parts = new ArrayList<Part>(List.of(new Text(words(text), 0)));
    parts.addAll(List.of(calls));
    return new Message(parts, Ending.WHOLE);
  }

  private static ToolUse write(String file, String content) {
    return new ToolUse("Write", new JsonObject().put("file_path", file).put("content", content));
  }

  private static ToolUse bash(String command, String description) {
    return new ToolUse("Bash", new JsonObject().put("command", command).put("description", description));
  }

  private static ToolUse agent(String description, String prompt, Tag tag) {
    return new ToolUse("Agent", new JsonObject().put("description", description).put("prompt", prompt)
        .put("subagent_type", tag.text("type", "general-purpose")).put("run_in_background", false));
  }

  private static List<String> numbered(String word, int count) {
    return IntStream.range(0, count).mapToObj(i -> word + i + " ").toList();
  }

  private static List<String> words(String text) {
    return List.of(text.split("(?<= )"));
  }
}
