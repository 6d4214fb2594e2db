package dev.agentruntime.bench;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

/** From the start of the process to the first answer of {@code /health}, without and with the cache that the image has. Wall time. */
final class StartBench {

  private static final int ROUNDS = 7;

  private StartBench() {}

  static void measure(Table table) throws Exception {
    Path folder = Files.createTempDirectory("agent-runtime-bench-start");
    try {
      String classPath = jarClassPath(folder);
      List<String> plain = List.of("-XX:+UseG1GC");
      Rounds rounds = new Rounds()
          .add("plain", () -> start(plain, classPath))
          .add("java -version", StartBench::version);
      boolean cached = Runtime.version().feature() >= 25;
      if (cached) {
        Path cache = folder.resolve("agent-runtime.aot");
        train(cache, classPath);
        rounds.add("cached", () -> start(List.of("-XX:+UseG1GC", "-XX:AOTCache=" + cache), classPath));
      }
      rounds.run(1, ROUNDS);
      String reference = "java -version %.0f ms".formatted(rounds.cost("java -version"));
      table.row("start to /health, plain", "%.0f ms".formatted(rounds.cost("plain")), reference,
          rounds.ratio("plain", "java -version").toString(), "printed");
      if (cached) {
        table.row("start to /health, with the image's AOT cache", "%.0f ms".formatted(rounds.cost("cached")), reference,
            rounds.ratio("cached", "plain") + " of plain", "printed");
      } else {
        table.row("start to /health, with the image's AOT cache", "needs Java 25", reference, "", "printed");
      }
    } finally {
      Service.deleteAll(folder);
    }
  }

  private static double start(List<String> options, String classPath) throws Exception {
    long from = System.nanoTime();
    Service service = Service.startWith(options, classPath, Map.of());
    double ms = (System.nanoTime() - from) / 1e6;
    service.close();
    return ms;
  }

  private static double version() throws Exception {
    long from = System.nanoTime();
    new ProcessBuilder(Child.tool("java"), "-version").redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start()
        .waitFor();
    return (System.nanoTime() - from) / 1e6;
  }

  /** As {@code docker/train-aot} does it. */
  private static void train(Path cache, String classPath) throws Exception {
    try (Service service = Service.startWith(List.of("-XX:+UseG1GC", "-XX:AOTCacheOutput=" + cache), classPath, Map.of())) {
      service.converse(service.createSession(), "say 20 deltas");
    }
    if (!Files.exists(cache)) {
      throw new IllegalStateException("no cache was written");
    }
  }

  /** The cache takes classes from jars only: our own are put into one. */
  private static String jarClassPath(Path folder) throws IOException {
    List<String> parts = new ArrayList<>();
    for (String part : System.getProperty("java.class.path").split(":")) {
      parts.add(Files.isDirectory(Path.of(part)) ? jar(Path.of(part), folder.resolve("classes-" + parts.size() + ".jar")) : part);
    }
    return String.join(":", parts);
  }

  private static String jar(Path classes, Path jar) throws IOException {
    try (OutputStream file = Files.newOutputStream(jar); JarOutputStream out = new JarOutputStream(file); Stream<Path> all = Files.walk(classes)) {
      for (Path path : (Iterable<Path>) all.filter(path -> !path.equals(classes))::iterator) {
        boolean directory = Files.isDirectory(path);
        out.putNextEntry(new JarEntry(classes.relativize(path) + (directory ? "/" : "")));
        if (!directory) {
          Files.copy(path, out);
        }
        out.closeEntry();
      }
    }
    return jar.toString();
  }
}
