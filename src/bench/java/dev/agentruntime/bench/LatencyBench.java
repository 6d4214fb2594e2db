package dev.agentruntime.bench;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** How old a delta is when its reader has it, with many agents at work. The agents write the time into their deltas. */
final class LatencyBench {

  private static final int SESSIONS = 100;
  private static final int VIEWERS = 2;
  private static final int DELTAS = 300;
  private static final int PACE_MS = 20;
  private static final String WORK = "clock " + DELTAS + " deltas every " + PACE_MS + " ms";

  private LatencyBench() {}

  static void measure(Table table) throws Exception {
    List<Double> service = service();
    List<Double> pipe = pipe();
    for (double q : new double[] {0.5, 0.99}) {
      double through = Rounds.quantile(service, q);
      double alone = Rounds.quantile(pipe, q);
      table.row("delta, agent to client, %d sessions at %d/s, %d viewers each, p%.0f".formatted(SESSIONS, 1000 / PACE_MS, VIEWERS, q * 100),
          "%.2f ms".formatted(through), "a pipe %.2f ms".formatted(alone), "+%.2f ms".formatted(through - alone), "printed");
    }
  }

  /** @param text times in microseconds since 1970, separated by blanks */
  private static void ages(String text, List<Double> into) {
    Instant now = Instant.now();
    long micros = now.getEpochSecond() * 1_000_000 + now.getNano() / 1000;
    for (String time : text.strip().split(" ")) {
      into.add((micros - Long.parseLong(time)) / 1000.0);
    }
  }

  private static List<Double> service() throws Exception {
    List<Double> ages = Collections.synchronizedList(new ArrayList<>());
    try (Service service = Service.start(List.of("-Xmx1g"), Map.of("AGENT_RUNTIME_STORE_URL", "sqlite:bench.db"));
        Viewers viewers = new Viewers()) {
      List<String> sessions = new ArrayList<>();
      for (int i = 0; i < SESSIONS; i++) {
        sessions.add(service.createSession());
        service.converse(sessions.getLast(), "say hello");
        for (int viewer = 0; viewer < VIEWERS; viewer++) {
          viewers.open(service.port(), Service.join(sessions.getLast()), json -> {
            String text = new String(json, StandardCharsets.UTF_8);
            if (text.startsWith("{\"event\":\"session:block:delta\"")) {
              ages(PipedAgent.between(text, "\"delta\":\""), ages);
            }
          });
        }
      }
      for (int round = 0; round < 2; round++) {
        ages.clear();
        long ended = viewers.turnsEnded();
        for (String session : sessions) {
          service.message(session, WORK);
        }
        FanoutBench.await(() -> viewers.turnsEnded() - ended >= SESSIONS * VIEWERS);
      }
    }
    return ages;
  }

  private static List<Double> pipe() throws Exception {
    List<Double> ages = Collections.synchronizedList(new ArrayList<>());
    AtomicInteger ended = new AtomicInteger();
    List<PipedAgent> agents = new ArrayList<>();
    try {
      for (int i = 0; i < SESSIONS; i++) {
        agents.add(new PipedAgent(line -> {
          String text = PipedAgent.delta(line);
          if (text != null && Character.isDigit(text.charAt(0))) {
            ages(text, ages);
          } else if (PipedAgent.endsTurn(line)) {
            ended.incrementAndGet();
          }
        }));
        agents.getLast().say("say hello");
        int started = i + 1;
        FanoutBench.await(() -> ended.get() >= started);
      }
      for (int round = 0; round < 2; round++) {
        ages.clear();
        int before = ended.get();
        for (PipedAgent agent : agents) {
          agent.say(WORK);
        }
        FanoutBench.await(() -> ended.get() - before >= SESSIONS);
      }
    } finally {
      for (PipedAgent agent : agents) {
        agent.close();
      }
    }
    return ages;
  }
}
