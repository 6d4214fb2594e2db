package dev.agentruntime.sandbox.modal;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Pattern;

/**
 * What the build of a layer says, as lines, whatever pieces it comes in. A build that fails says why in its log alone: the exception of its
 * result is empty, unless the step was a Python function (modal-client, pull request 3172). Thread-safe.
 */
final class BuildLog {

  private static final String STEP = "=> Step ";
  private static final Pattern LINE_END = Pattern.compile("\\R");
  private static final Pattern COLOURS = Pattern.compile("\\x1b\\[[0-9;?]*[A-Za-z]");
  private static final int SHOWN_CHARS = 200;
  private static final int TAIL_LINES = 20;
  private static final int PART_CHARS = 10_000;

  private final Deque<String> tail = new ArrayDeque<>();
  private String step = "";
  private String part = "";

  /** Not empty. */
  record Line(String text) {
    boolean isStep() {
      return text.startsWith(STEP);
    }

    String shown() {
      return shortened(text);
    }
  }

  /** @return the lines that are whole now */
  synchronized List<Line> take(String piece) {
    String[] texts = LINE_END.split(part + piece, -1);
    List<Line> lines = new ArrayList<>();
    for (int i = 0; i < texts.length - 1; i++) {
      add(texts[i], lines);
    }
    part = texts[texts.length - 1];
    if (part.length() > PART_CHARS) {
      add(part, lines);
      part = "";
    }
    return lines;
  }

  private void add(String text, List<Line> lines) {
    Line line = new Line(COLOURS.matcher(text).replaceAll("").strip());
    if (line.text().isEmpty()) {
      return;
    }
    lines.add(line);
    if (line.isStep()) {
      step = line.shown();
      tail.clear();
      return;
    }
    tail.add(line.shown());
    if (tail.size() > TAIL_LINES) {
      tail.remove();
    }
  }

  /** The step that was the last, and the last of what it said, to go on with in a sentence; empty if nothing was said. */
  synchronized String end() {
    add(part, new ArrayList<>());
    part = "";
    return (step.isEmpty() ? "" : ", at \"" + step.substring(STEP.length()) + "\"")
        + (tail.isEmpty() ? "" : ". The end of its log:\n" + String.join("\n", tail));
  }

  static String shortened(String text) {
    return text.length() <= SHOWN_CHARS ? text : text.substring(0, SHOWN_CHARS) + "…";
  }
}
