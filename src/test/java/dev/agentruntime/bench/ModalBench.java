package dev.agentruntime.bench;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What sandboxes on Modal cost the server, against the tests' fake of it on the same machine, beside local sandboxes. Modal itself was never
 * measured.
 */
final class ModalBench implements Bench.Figure {

  private static final List<String> OPTIONS = List.of("-Xmx1g", Child.ALL_COMPILERS);
  private static final String DELTA = "{\"event\":\"session:block:delta\"";
  private static final int STARTS = 9;
  private static final int LATENCY_MS = 20;
  private static final int TALKERS = 10;
  private static final int DELTAS = 300;
  private static final int PACE_MS = 10;
  private static final int FLOOD = 20_000;
  private static final int FLOOD_WARM_UPS = 10;
  private static final int ROUNDS = 5;
  private static final int AT_ONCE = 200;
  private static final int WARM = 20;
  private static final int IDLE = 100;

  private final Path profiles = Files.createTempDirectory("agent-runtime-bench-profiles");
  private Table table;
  private FakeModalProcess modal;

  ModalBench() throws IOException {}

  @Override
  public void measure(Table rows) throws Exception {
    table = rows;
    try (FakeModalProcess fake = new FakeModalProcess()) {
      modal = fake;
      Files.writeString(profiles.resolve("demo.json"), profile(List.of("demo")));
      Files.writeString(profiles.resolve("tiny.json"),
          profile(List.of("/bin/sh", Path.of("src/test/resources/agents/tiny-agent.sh").toAbsolutePath().toString())));
      starts();
      deltas();
      manyAtOnce();
      memory();
    } finally {
      Service.deleteAll(profiles);
    }
  }

  private static String profile(List<String> command) {
    return new JsonObject().put("name", command.getFirst()).put("architecture", "claude-agent-sdk").put("command", command)
        .put("environmentVariables", Map.of("ANTHROPIC_API_KEY", "none-is-needed")).encode();
  }

  private Service onModal(List<String> options) throws Exception {
    return service(options, modal.settings());
  }

  private Service local(List<String> options) throws Exception {
    return service(options, Map.of());
  }

  private Service service(List<String> options, Map<String, String> sandboxes) throws Exception {
    Map<String, String> settings = new HashMap<>(sandboxes);
    settings.put("AGENT_RUNTIME_PROFILES_DIR", profiles.toString());
    settings.putAll(Service.ROOM_FOR_A_FLOOD);
    return Service.start(options, settings);
  }

  /** Calls and time from the first message of a session to its agent's first words. */
  private void starts() throws Exception {
    modal.latency(LATENCY_MS);
    try (Service onModal = onModal(OPTIONS); Service local = local(OPTIONS); Viewers viewers = new Viewers()) {
      List<Start> ofModal = new ArrayList<>();
      List<Double> ofLocal = new ArrayList<>();
      for (int i = 0; i < STARTS; i++) {
        ofModal.add(start(onModal, viewers));
        ofLocal.add(start(local, viewers).firstDelta);
      }
      calls("calls, first session of a server", ofModal.getFirst());
      calls("calls, each further session", ofModal.getLast());
      List<Start> further = ofModal.subList(1, STARTS);
      double reference = Rounds.median(ofLocal.subList(1, STARTS));
      String first = "first message to first delta on Modal, %d ms per call".formatted(LATENCY_MS);
      double all = Rounds.median(further.stream().map(Start::firstDelta).toList());
      table.row(first, "%.0f ms".formatted(all), "local %.0f ms".formatted(reference), "+%.0f ms".formatted(all - reference), "printed");
      for (String call : further.getLast().calls.keySet()) {
        table.row("  of which to " + call, "%.0f ms".formatted(Rounds.median(
            further.stream().map(start -> start.calls.getOrDefault(call, Double.NaN)).toList())), "", "", "printed");
      }
    }
    modal.latency(0);
  }

  /**
   * @param calls when each was made the first time, milliseconds after the message, in order
   * @param counts how often each was made
   * @param firstDelta milliseconds after the message
   */
  private record Start(Map<String, Double> calls, Map<String, Integer> counts, double firstDelta) {}

  private Start start(Service service, Viewers viewers) throws Exception {
    String session = service.createSession("tiny");
    long[] first = {0};
    viewers.open(service.port(), Service.join(session), json -> {
      if (first[0] == 0 && new String(json, 0, Math.min(DELTA.length(), json.length), StandardCharsets.US_ASCII).equals(DELTA)) {
        first[0] = System.nanoTime();
      }
    });
    modal.calls();
    double fromMillis = System.currentTimeMillis();
    long from = System.nanoTime();
    service.converse(session, "hello");
    Map<String, Double> calls = new LinkedHashMap<>();
    Map<String, Integer> counts = new TreeMap<>();
    for (FakeModalProcess.Call call : modal.calls()) {
      counts.merge(call.name(), 1, Integer::sum);
      calls.putIfAbsent(call.name(), call.atMillis() - fromMillis);
    }
    return new Start(calls, counts, (first[0] - from) / 1e6);
  }

  private void calls(String figure, Start start) {
    table.row(figure, Integer.toString(start.counts.values().stream().mapToInt(Integer::intValue).sum()), "", "", "printed");
    table.row("  " + start.counts.entrySet().stream().map(count -> count.getValue() + " " + count.getKey()).collect(Collectors.joining(", ")),
        "", "", "", "");
  }

  /** CPU of the server, without its JIT compilers, for each delta of its agents. */
  private void deltas() throws Exception {
    try (Talkers onModal = new Talkers(onModal(OPTIONS)); Talkers local = new Talkers(local(OPTIONS))) {
      row("CPU per delta on Modal, %d sessions at %d/s".formatted(TALKERS, 1000 / PACE_MS), new Rounds()
          .add("modal", () -> onModal.slice("say " + DELTAS + " deltas every " + PACE_MS + " ms", DELTAS))
          .add("local", () -> local.slice("say " + DELTAS + " deltas every " + PACE_MS + " ms", DELTAS)).run(2, ROUNDS));
      row("CPU per delta on Modal, %d sessions as fast as they can".formatted(TALKERS), new Rounds()
          .add("modal", () -> onModal.slice("flood " + FLOOD, FLOOD))
          .add("local", () -> local.slice("flood " + FLOOD, FLOOD)).run(FLOOD_WARM_UPS, ROUNDS));
    }
  }

  private void row(String figure, Rounds rounds) {
    Rounds.Spread ratio = rounds.ratio("modal", "local");
    table.row(figure, "%.1f us".formatted(rounds.cost("modal") / 1e3), "local %.1f us".formatted(rounds.cost("local") / 1e3),
        ratio.toString(), Table.goal(ratio.median(), 2, "<= 2"));
  }

  /** A service with sessions whose agents run, and a viewer each. */
  private static final class Talkers implements AutoCloseable {
    private final Service service;
    private final Viewers viewers = new Viewers();
    private final List<String> sessions = new ArrayList<>();

    Talkers(Service service) throws Exception {
      this.service = service;
      for (int i = 0; i < TALKERS; i++) {
        sessions.add(service.createSession());
        service.converse(sessions.getLast(), "say hello");
        viewers.open(service.port(), Service.join(sessions.getLast()), null);
      }
      FanoutBench.await(() -> viewers.joined() == TALKERS);
    }

    /** @return nanoseconds of CPU per delta */
    double slice(String message, int deltas) throws Exception {
      long ended = viewers.turnsEnded();
      long before = service.process().workNanos();
      for (String session : sessions) {
        service.message(session, message);
      }
      FanoutBench.await(() -> viewers.turnsEnded() - ended >= TALKERS);
      return (double) (service.process().workNanos() - before) / (TALKERS * deltas);
    }

    @Override
    public void close() throws IOException {
      viewers.close();
      service.close();
    }
  }

  /** From the first message of the first to the end of the last one's turn. */
  private void manyAtOnce() throws Exception {
    double onModal;
    double local;
    try (Service service = onModal(OPTIONS)) {
      onModal = atOnce(service);
    }
    try (Service service = local(OPTIONS)) {
      local = atOnce(service);
    }
    table.row("%d first messages at once, all answered, on Modal".formatted(AT_ONCE), "%.1f s".formatted(onModal / 1e9),
        "local %.1f s".formatted(local / 1e9), "%.2f".formatted(onModal / local), "printed");
  }

  private static double atOnce(Service service) throws Exception {
    try (Viewers viewers = new Viewers()) {
      service.converse(service.createSession("tiny"), "hello");
      List<String> sessions = new ArrayList<>();
      for (int i = 0; i < AT_ONCE; i++) {
        sessions.add(service.createSession("tiny"));
        viewers.open(service.port(), Service.join(sessions.getLast()), null);
      }
      FanoutBench.await(() -> viewers.joined() == AT_ONCE);
      long from = System.nanoTime();
      for (String session : sessions) {
        service.message(session, "hello");
      }
      FanoutBench.await(() -> viewers.turnsEnded() >= AT_ONCE);
      return System.nanoTime() - from;
    }
  }

  /** Of a session whose agent waits in its sandbox. */
  private void memory() throws Exception {
    double onModal;
    double local;
    try (Service service = onModal(MemoryBench.HEAP)) {
      onModal = perIdleSession(service);
    }
    try (Service service = local(MemoryBench.HEAP)) {
      local = perIdleSession(service);
    }
    table.row("memory per idle session with an agent, on Modal", "%.1f KB".formatted(onModal / 1024), "local %.1f KB".formatted(local / 1024),
        "%.2f".formatted(onModal / local), "printed");
  }

  private static double perIdleSession(Service service) throws Exception {
    converse(service, WARM);
    long before = MemoryBench.memory(service.process());
    converse(service, IDLE);
    return (double) (MemoryBench.memory(service.process()) - before) / IDLE;
  }

  private static void converse(Service service, int sessions) throws Exception {
    for (int i = 0; i < sessions; i++) {
      service.converse(service.createSession("tiny"), "hello");
    }
  }
}
