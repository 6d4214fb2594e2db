package dev.agentruntime.bench;

import dev.agentruntime.config.Logging;
import dev.agentruntime.config.Settings;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A process of the benchmark: told in lines, answers in lines, and is looked at from outside. */
final class Child implements AutoCloseable {

  /** What an answer begins with; other lines are a log's. */
  static final String ANSWER = "= ";

  /** Where processes write their errors. */
  static final Path LOG = Path.of("target", "bench.log");

  /** Keeps a JVM's compiler threads from coming and going, so that their time can be told from the others'. */
  static final String ALL_COMPILERS = "-XX:-UseDynamicNumberOfCompilerThreads";

  private static final Duration PATIENCE = Duration.ofSeconds(120);
  private static final Pattern RESIDENT = Pattern.compile("VmRSS:\\s+(\\d+) kB");
  private static final Pattern TOTAL = Pattern.compile("Total\\s+\\d+\\s+(\\d+)");

  /** Places in {@code /proc/<pid>/stat}, counted from the state, which comes after the name; see proc(5). */
  private static final int USER_TIME = 11;
  private static final int SYSTEM_TIME = 12;
  private static final long TICK_NANOS = 10_000_000;

  private final Process process;
  private final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();

  private Child(Process process) {
    this.process = process;
    Thread.ofPlatform().daemon().start(() -> {
      try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
        for (String line = out.readLine(); line != null; line = out.readLine()) {
          if (line.startsWith(ANSWER)) {
            lines.add(line.substring(ANSWER.length()));
          } else {
            Files.writeString(LOG, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
          }
        }
      } catch (IOException e) {
        lines.add("");
      }
    });
  }

  /** A JVM like this one, with this class path. */
  static Child java(List<String> options, Class<?> main, Map<String, String> environment, String... arguments) throws IOException {
    return java(options, System.getProperty("java.class.path"), main, environment, arguments);
  }

  static Child java(List<String> options, String classPath, Class<?> main, Map<String, String> environment, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>(List.of(tool("java"), "--enable-native-access=ALL-UNNAMED"));
    command.addAll(options);
    command.addAll(List.of("-cp", classPath, main.getName()));
    command.addAll(List.of(arguments));
    return start(command, environment);
  }

  static Child start(List<String> command, Map<String, String> environment) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.appendTo(LOG.toFile()));
    builder.environment().keySet().removeIf(name -> name.startsWith("AGENT_RUNTIME_") || name.startsWith("MODAL_"));
    builder.environment().putAll(environment);
    return new Child(builder.start());
  }

  /** For the first line of a process' main: logs as the runtime does, which is little. */
  static void quiet() {
    Logging.configure(new Settings.Log("text", "warn"));
  }

  static String tool(String name) {
    return Path.of(System.getProperty("java.home"), "bin", name).toString();
  }

  /** Says a line and waits for the next line that is said. */
  String ask(String line) throws Exception {
    say(line);
    return line();
  }

  void say(String line) throws IOException {
    OutputStream in = process.getOutputStream();
    in.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    in.flush();
  }

  String line() throws InterruptedException {
    String line = lines.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    if (line == null) {
      throw new IllegalStateException("no answer within " + PATIENCE.toSeconds() + " s from " + process.info().command().orElse("?"));
    }
    return line;
  }

  /** User and system time of all its threads so far, in nanoseconds; the kernel counts in steps of 10 ms. */
  long cpuNanos() {
    return process.info().totalCpuDuration().orElseThrow().toNanos();
  }

  /**
   * The same without the JIT compilers, which go on for minutes with what is seldom called and tell of the warm-up rather than of the work.
   * The process must have been started with {@link #ALL_COMPILERS}.
   */
  long workNanos() throws IOException {
    return cpuNanos() - compilerNanos();
  }

  /** Of the JIT compilers alone. */
  long compilerNanos() throws IOException {
    return cpuNanos("C1 Compiler") + cpuNanos("C2 Compiler");
  }

  /** The same of the threads whose names begin with {@code name}, none of which may have ended. */
  long cpuNanos(String name) throws IOException {
    long ticks = 0;
    try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/" + process.pid() + "/task"))) {
      for (Path thread : threads) {
        ticks += ticks(thread, name);
      }
    }
    return ticks * TICK_NANOS;
  }

  private static long ticks(Path thread, String name) {
    try {
      if (!Files.readString(thread.resolve("comm")).startsWith(name)) {
        return 0;
      }
      String stat = Files.readString(thread.resolve("stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      return Long.parseLong(fields[USER_TIME]) + Long.parseLong(fields[SYSTEM_TIME]);
    } catch (IOException e) {
      return 0; // It has just ended, and so is none of those that are asked for.
    }
  }

  long residentBytes() throws IOException {
    Matcher matcher = RESIDENT.matcher(Files.readString(Path.of("/proc/" + process.pid() + "/status")));
    return matcher.find() ? Long.parseLong(matcher.group(1)) * 1024 : 0;
  }

  /** What a full collection leaves on its heap. */
  long liveHeapBytes() throws Exception {
    Process histogram = new ProcessBuilder(tool("jcmd"), Long.toString(process.pid()), "GC.class_histogram").start();
    String text = new String(histogram.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    Matcher matcher = TOTAL.matcher(text);
    if (!matcher.find()) {
      throw new IllegalStateException("no histogram: " + text.lines().limit(3).toList());
    }
    return Long.parseLong(matcher.group(1));
  }

  boolean alive() {
    return process.isAlive();
  }

  /** SIGTERM, and SIGKILL when that is of no use. */
  @Override
  public void close() {
    process.destroy();
    awaitEnd(process, 30);
  }

  /** Kills what has not ended by then. */
  static void awaitEnd(Process process, int seconds) {
    if (process.onExit().completeOnTimeout(null, seconds, TimeUnit.SECONDS).join() == null) {
      process.destroyForcibly().onExit().join();
    }
  }
}
