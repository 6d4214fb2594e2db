package dev.agentruntime.agent.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The words that the demo agent understands. A message holds requests, each on a line of its own or separated by {@code ;} (not inside
 * double quotes), which are done in order. Case does not matter. What is not understood is said back, with a hint at {@code help}.
 *
 * <p>{@link #HELP} lists the requests. Without quotes a text goes up to the end of the request. A text is cut into words if nothing else
 * is said; {@code say 3 deltas} says {@code "word0 word1 word2 "}. A turn that ends with a tool call ends with the text {@value #DONE}.
 */
final class DemoLanguage {

  static final String HELP = """
      I am the demo agent. I do what you write, one request per line or separated by ";":

      say Hello, world                        a text, word by word
      say "Hello, world" in 4 deltas every 50 ms
      say 40 deltas every 25 ms               word0 word1 ..., also: say 40 deltas of 200 bytes every 25 ms
      think about the question                like say, as thinking
      write notes.txt: hello                  a file (\\n is a new line)
      edit notes.txt: hello -> goodbye
      delete notes.txt
      run sleep 30                            a tool with a child process
      fail                                    a tool that fails
      parallel tools                          two tools at once
      subagent                                a subagent that counts the files; subagent 5 s takes its time
      background 500 ms                       a task that starts a turn by itself when it ends
      recall                                  what you have said so far
      slow 5 s                                a pause
      silent                                  nothing, until you interrupt me
      unicode                                 difficult characters
      big 3 MB                                a file of that size, in one long line
      flood 100000                            so many deltas, as fast as they are read
      clock 100 deltas every 20 ms            the time in microseconds, for measuring
      error 529                               a model request that fails (400, 401, 429, 500, 529)
      retry                                   a model request that fails twice and then succeeds
      cut                                     a model answer that breaks off and is given again
      rubbish                                 lines that mean nothing
      crash, crash mid text                   my process dies
      help                                    this text
      """;
  static final String DONE = "Done.";

  private static final String EVERY = "(?:\\s+every\\s+(\\d{1,7})\\s*(ms|s))?";
  private static final Pattern SAY_COUNT = pattern("(say|think)\\s+(\\d{1,7})\\s+deltas?(?:\\s+of\\s+(\\d{1,6})\\s+bytes)?" + EVERY);
  private static final Pattern SAY_QUOTED = pattern("(say|think)\\s+\"(.*)\"(?:\\s+in\\s+(\\d{1,7})\\s+deltas?)?" + EVERY);
  private static final Pattern SAY_PLAIN = pattern("(say|think)\\s+(.+)");
  private static final Pattern WRITE = pattern("write\\s+([^:\\n]+?)\\s*:\\s*(.*)");
  private static final Pattern EDIT = pattern("edit\\s+([^:\\n]+?)\\s*:\\s*(.+?)\\s*->\\s*(.*)");
  private static final Pattern DELETE = pattern("delete\\s+(\\S.*)");
  private static final Pattern SLEEP = pattern("run\\s+sleep\\s+(\\d{1,5}(?:\\.\\d{1,3})?)");
  private static final Pattern BIG = pattern("big\\s+(\\d{1,5})\\s*(kb|mb)");
  private static final Pattern COUNTED = pattern("(flood|error)\\s+(\\d{1,8})");
  private static final Pattern TIMED = pattern("(slow|background|subagent)(?:\\s+(\\d{1,7})\\s*(ms|s))?");
  private static final Pattern CLOCK = pattern("clock\\s+(\\d{1,7})\\s+deltas?" + EVERY);
  /** The process is small: larger numbers are taken as these. */
  static final int MOST_DELTAS = 1_000_000;
  private static final int LARGEST_TEXT_BYTES = 12 << 20;

  private DemoLanguage() {}

  private static Pattern pattern(String regex) {
    return Pattern.compile(regex, Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
  }

  /** @return at least one request */
  static List<DemoRequest> parse(String message) {
    var requests = new ArrayList<DemoRequest>();
    var unknown = new StringBuilder();
    for (String part : split(message)) {
      DemoRequest request = request(part.strip());
      if (request == null) {
        unknown.append(part);
        continue;
      }
      flush(unknown, requests);
      requests.add(request);
    }
    flush(unknown, requests);
    if (requests.isEmpty()) {
      requests.add(DemoRequest.Plain.HELP);
    }
    return requests;
  }

  private static void flush(StringBuilder unknown, List<DemoRequest> requests) {
    if (!unknown.toString().isBlank()) {
      requests.add(new DemoRequest.Echo(unknown.toString().strip()));
    }
    unknown.setLength(0);
  }

  /** Cuts at line ends and semicolons that are not quoted; the parts keep them, so that they can be put together again. */
  private static List<String> split(String message) {
    var parts = new ArrayList<String>();
    boolean quoted = false;
    int from = 0;
    for (int i = 0; i < message.length(); i++) {
      char c = message.charAt(i);
      if (c == '"') {
        quoted = !quoted && message.indexOf('"', i + 1) >= 0;
      } else if (!quoted && (c == '\n' || c == ';')) {
        parts.add(message.substring(from, i + 1));
        from = i + 1;
      }
    }
    parts.add(message.substring(from));
    return parts;
  }

  /** @return {@code null} if it is not understood */
  private static DemoRequest request(String part) {
    String words = part.endsWith(";") ? part.substring(0, part.length() - 1).strip() : part;
    return switch (words.toLowerCase().replaceAll("\\s+", " ")) {
      case "fail" -> DemoRequest.Plain.FAIL;
      case "parallel", "parallel tools" -> DemoRequest.Plain.PARALLEL_TOOLS;
      case "silent" -> DemoRequest.Plain.SILENT;
      case "rubbish" -> DemoRequest.Plain.RUBBISH;
      case "retry" -> DemoRequest.Plain.RETRY;
      case "cut" -> DemoRequest.Plain.CUT;
      case "unicode" -> DemoRequest.Plain.UNICODE;
      case "recall" -> DemoRequest.Plain.RECALL;
      case "help", "?" -> DemoRequest.Plain.HELP;
      case "crash" -> new DemoRequest.Crash(false);
      case "crash mid text" -> new DemoRequest.Crash(true);
      case "think" -> new DemoRequest.Say(true, words("I think about it, step by step."), 0);
      default -> withParameters(words);
    };
  }

  private static DemoRequest withParameters(String words) {
    DemoRequest said = said(words);
    if (said != null) {
      return said;
    }
    Matcher m;
    if ((m = WRITE.matcher(words)).matches()) {
      return new DemoRequest.Write(m.group(1), content(m.group(2)));
    } else if ((m = EDIT.matcher(words)).matches()) {
      return new DemoRequest.Edit(m.group(1), content(m.group(2)), content(m.group(3)));
    } else if ((m = DELETE.matcher(words)).matches()) {
      return new DemoRequest.Delete(m.group(1));
    } else if ((m = SLEEP.matcher(words)).matches()) {
      return new DemoRequest.Sleep(Double.parseDouble(m.group(1)));
    } else if ((m = BIG.matcher(words)).matches()) {
      int unit = m.group(2).equalsIgnoreCase("kb") ? 1 << 10 : 1 << 20;
      return new DemoRequest.Big((int) Math.min(LARGEST_TEXT_BYTES, (long) unit * Integer.parseInt(m.group(1))));
    } else if ((m = COUNTED.matcher(words)).matches()) {
      int number = Integer.parseInt(m.group(2));
      return m.group(1).equalsIgnoreCase("flood") ? new DemoRequest.Flood(Math.min(MOST_DELTAS, number)) : new DemoRequest.ApiError(number);
    } else if ((m = CLOCK.matcher(words)).matches()) {
      return new DemoRequest.Clock(Math.min(MOST_DELTAS, Integer.parseInt(m.group(1))), millis(m.group(2), m.group(3)));
    } else if ((m = TIMED.matcher(words)).matches()) {
      long ms = millis(m.group(2), m.group(3));
      return switch (m.group(1).toLowerCase()) {
        case "slow" -> new DemoRequest.Slow(ms);
        case "background" -> new DemoRequest.Background(ms);
        default -> new DemoRequest.Subagent(ms);
      };
    }
    return null;
  }

  private static DemoRequest said(String words) {
    Matcher m;
    if ((m = SAY_COUNT.matcher(words)).matches()) {
      int length = m.group(3) == null ? 0 : Integer.parseInt(m.group(3));
      return say(m.group(1), numbered(Integer.parseInt(m.group(2)), length), millis(m.group(4), m.group(5)));
    } else if ((m = SAY_QUOTED.matcher(words)).matches()) {
      String text = m.group(2);
      return say(m.group(1), m.group(3) == null ? words(text) : pieces(text, Integer.parseInt(m.group(3))),
          millis(m.group(4), m.group(5)));
    } else if ((m = SAY_PLAIN.matcher(words)).matches()) {
      return say(m.group(1), words(m.group(2)), 0);
    }
    return null;
  }

  private static DemoRequest say(String verb, List<String> deltas, long everyMs) {
    return new DemoRequest.Say(verb.equalsIgnoreCase("think"), deltas, everyMs);
  }

  private static long millis(String number, String unit) {
    return number == null ? 0 : Long.parseLong(number) * (unit.equalsIgnoreCase("s") ? 1000 : 1);
  }

  private static String content(String text) {
    boolean quoted = text.length() > 1 && text.startsWith("\"") && text.endsWith("\"");
    return (quoted ? text.substring(1, text.length() - 1) : text).replace("\\n", "\n");
  }

  private static List<String> numbered(int wanted, int wantedLength) {
    int count = Math.min(MOST_DELTAS, wanted);
    int length = Math.min(wantedLength, LARGEST_TEXT_BYTES / Math.max(1, count));
    var deltas = new ArrayList<String>(count);
    for (int i = 0; i < count; i++) {
      String word = "word" + i;
      deltas.add(word + ".".repeat(Math.max(0, length - word.length() - 1)) + " ");
    }
    return deltas;
  }

  /** The words of a text, each with the blanks after it. */
  static List<String> words(String text) {
    var words = new ArrayList<String>();
    int from = 0;
    for (int i = 1; i < text.length(); i++) {
      if (Character.isWhitespace(text.charAt(i - 1)) && !Character.isWhitespace(text.charAt(i))) {
        words.add(text.substring(from, i));
        from = i;
      }
    }
    words.add(text.substring(from));
    return words;
  }

  /** At most {@code count} pieces of about the same length that do not cut a character in two. */
  private static List<String> pieces(String text, int count) {
    int points = text.codePointCount(0, text.length());
    int parts = Math.max(1, Math.min(count, points));
    var pieces = new ArrayList<String>(parts);
    int from = 0;
    for (int i = 0; i < parts; i++) {
      int length = (int) ((long) points * (i + 1) / parts - (long) points * i / parts);
      int to = text.offsetByCodePoints(from, length);
      pieces.add(text.substring(from, to));
      from = to;
    }
    return pieces;
  }
}
