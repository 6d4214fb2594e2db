package dev.agentruntime.sandbox.modal;

import static dev.agentruntime.sandbox.modal.ModalRig.await;
import static dev.agentruntime.sandbox.modal.ModalRig.shell;

import dev.agentruntime.sandbox.SandboxException;
import io.vertx.core.Vertx;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * What Modal's sources leave open, asked of the service itself, one by one, and answered in a table: for the day a token is there.
 *
 * <pre>MODAL_TOKEN_ID=… MODAL_TOKEN_SECRET=… mvn -q test-compile exec:exec@modal-probe</pre>
 *
 * <p>{@code MODAL_ENVIRONMENT} and {@code MODAL_IMAGE_BUILDER_VERSION} are heeded. P1 to P11 are what Modal's sources leave open, the rest is
 * what the runtime builds on. <b>It was never run against Modal</b>, only against the fake of the tests, whose answers say nothing about Modal.
 * It builds an image with Claude Code in it, makes about thirty small sandboxes, prints 200 MB in one, takes some minutes, most of which it
 * waits, says on the way what it asks and hears, and ends the sandboxes that it made; the app {@code agent-runtime-tests} and its images stay.
 */
final class ModalProbe {

  private static final String NOTE = """
      What Modal leaves open, asked of %s.
      Written and tried without access to Modal: its answers are to be read, and the client's choices compared with them.
      """;
  private static final String REAL_SERVER = ModalClientOptions.SERVER.toString();

  /**
   * How much is asked.
   *
   * @param outputBytes printed to see what is kept
   * @param afterExit how long after the exit output is read again
   * @param idle idle timeout of the sandboxes whose idleness is watched
   * @param burst sandboxes created at once
   */
  record Scale(int outputBytes, Duration afterExit, Duration idle, int burst) {
    static final Scale REAL = new Scale(200_000_000, Duration.ofMinutes(2), Duration.ofSeconds(30), 20);
  }

  /** @param answered false if the question could not be asked */
  record Finding(String id, String question, String answer, boolean answered) {}

  @FunctionalInterface
  interface Probe {
    String ask() throws Exception;
  }

  private final List<Finding> findings = new ArrayList<>();
  private final Consumer<String> progress;

  private ModalProbe(Consumer<String> progress) {
    this.progress = progress;
  }

  public static void main(String[] args) {
    Map<String, String> environment = System.getenv();
    String tokenId = environment.get("MODAL_TOKEN_ID");
    String tokenSecret = environment.get("MODAL_TOKEN_SECRET");
    if (tokenId == null || tokenSecret == null) {
      System.err.println("Set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET.");
      System.exit(2);
    }
    String address = environment.getOrDefault("MODAL_SERVER_URL", "");
    URI server = URI.create(address.isEmpty() ? REAL_SERVER : address);
    Vertx vertx = Vertx.vertx();
    List<Finding> found = run(vertx, ModalClientOptions.of(server, tokenId, tokenSecret), environment.getOrDefault("MODAL_ENVIRONMENT", ""),
        environment.getOrDefault("MODAL_IMAGE_BUILDER_VERSION", ""), Scale.REAL, System.err::println);
    System.out.println(NOTE.formatted(server.getHost()) + table(found));
    await(vertx.close());
    System.exit(found.stream().allMatch(Finding::answered) ? 0 : 1);
  }

  /**
   * Blocks.
   *
   * @param environment empty for the token's own, as {@code imageBuilderVersion}
   * @param progress told each question before it is asked, and then its answer
   */
  static List<Finding> run(Vertx vertx, ModalClientOptions options, String environment, String imageBuilderVersion, Scale scale,
                           Consumer<String> progress) {
    ModalClient client = new ModalClient(vertx, options);
    ModalAccount account = ModalBed.account(client, environment, imageBuilderVersion);
    ModalBed bed = new ModalBed(client, account, (int) Duration.ofHours(1).toSeconds());
    ModalProbe probe = new ModalProbe(progress);
    try {
      ModalProbes probes = new ModalProbes(vertx, options, client, bed, scale);
      probe.ask("P1", "Do client types 8 and 9 pass with this library's version?", probes::clientTypes);
      probe.ask("P2", "How much output is kept, and for how long after the exit?", probes::retention);
      probe.ask("P3", "Can two read one output at once?", probes::twoReaders);
      probe.ask("P4", "What is an overlap, and what is a gap, in standard input met with?", probes::inputOffsets);
      probe.ask("P5", "What is a read from beyond the end met with?", probes::beyondTheEnd);
      probe.ask("P6", "How large are messages of output?", probes::messageSizes);
      probe.ask("P7", "Does a long process that nobody reads keep a sandbox from being idle?", probes::idleClock);
      probe.ask("P8", "How is a process' timeout told?", probes::execTimeout);
      probe.ask("P9", "Does a router's URL change?", probes::routerUrl);
      probe.ask("P10", "What is a burst of creations met with?", probes::burst);
      probe.ask("P11", "How long do tokens live?", probes::tokenLives);
      ModalImageProbes images = new ModalImageProbes(client, account, bed);
      probe.ask("P12", "Is the image of a profile built, and what is in it?", images::image);
      probe.ask("P13", "Does inotify tell of changes in it?", images::inotify);
      probe.ask("P14", "Do processes live on that an ended exec has left?", images::leftBehind);
    } finally {
      bed.terminateAll();
      await(client.close());
    }
    return List.copyOf(probe.findings);
  }

  private void ask(String id, String question, Probe probe) {
    progress.accept(id + " " + question);
    long before = System.nanoTime();
    Finding found;
    try {
      found = new Finding(id, question, probe.ask(), true);
    } catch (Exception | AssertionError failure) {
      String why = failure instanceof SandboxException ? failure.getMessage() : Objects.toString(failure);
      found = new Finding(id, question, "could not be asked: " + why, false);
    }
    findings.add(found);
    progress.accept("   " + found.answer() + " (" + Duration.ofNanos(System.nanoTime() - before).toSeconds() + " s)");
  }

  static String table(List<Finding> findings) {
    StringBuilder table = new StringBuilder("| | question | answer |\n|---|---|---|\n");
    for (Finding finding : findings) {
      table.append("| ").append(finding.id()).append(" | ").append(finding.question()).append(" | ")
          .append(finding.answer().replace("|", "\\|").replace('\n', ' ')).append(" |\n");
    }
    return table.toString();
  }

  /** Runs a script to its end. */
  static String finished(CommandRouter router, String script) {
    ExecSpec exec = shell(script);
    await(router.start(exec));
    await(router.exit(exec.execId()));
    return exec.execId();
  }
}
