package dev.agentruntime.agent.demo;

import java.util.List;

/** One thing that the demo agent was asked to do. {@link DemoLanguage} has the words for each. */
sealed interface DemoRequest {

  /**
   * @param thinking whether it is thought rather than said
   * @param everyMs pause between two deltas; 0 for none
   */
  record Say(boolean thinking, List<String> deltas, long everyMs) implements DemoRequest {}

  /** Deltas that hold the time of their writing, in microseconds since the epoch, for measuring. */
  record Clock(int deltas, long everyMs) implements DemoRequest {}

  /** Numbered deltas, as fast as the reader takes them. */
  record Flood(int deltas) implements DemoRequest {}

  record Write(String path, String content) implements DemoRequest {}

  record Edit(String path, String from, String to) implements DemoRequest {}

  record Delete(String path) implements DemoRequest {}

  /** A tool call that takes a while, with a child process. */
  record Sleep(double seconds) implements DemoRequest {}

  /** A file of that many bytes, so that very long lines are printed. */
  record Big(int bytes) implements DemoRequest {}

  /** @param forMs how long the subagent's tool takes */
  record Subagent(long forMs) implements DemoRequest {}

  /** A shell command that runs on after the turn, and a turn that nobody asked for when it has ended. */
  record Background(long afterMs) implements DemoRequest {}

  /** Nothing is said for a while. */
  record Slow(long ms) implements DemoRequest {}

  /** The process ends without a word, at once or in the middle of a text. */
  record Crash(boolean midText) implements DemoRequest {}

  /** A model request that fails for good. */
  record ApiError(int status) implements DemoRequest {}

  /** Words that were not understood. */
  record Echo(String text) implements DemoRequest {}

  /** The requests without parameters. */
  enum Plain implements DemoRequest { FAIL, PARALLEL_TOOLS, SILENT, RUBBISH, RETRY, CUT, UNICODE, RECALL, HELP }
}
