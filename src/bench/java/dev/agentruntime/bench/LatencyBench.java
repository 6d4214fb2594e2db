package dev.agentruntime.bench;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * How old a delta is when its reader has it, with many agents at work. The agents write the time into their deltas. All turns begin and end
 * at about the same moment, when there is much else to do; what arrives then is looked at by itself.
 */
final class LatencyBench {

  private static final int SESSIONS = 100;
  private static final int VIEWERS = 2;
  private static final int DELTAS = 300;
  private static final int AT_ENDS = 50;
  private static final int PACE_MS = 20;
  /** Of which the last counts: in the first two the compilers are busy, and whoever waits for a processor waits for them, too. */
  private static final int ROUNDS = 3;
  private static final String WORK = "clock " + DELTAS + " deltas every " + PACE_MS + " ms";

  private LatencyBench() {}

  static void measure(Table table) throws Exception {
    Ages service = service();
    Ages pipe = pipe();
    String figure = "delta, agent to client, %d sessions at %d/s, %d viewers each, ".formatted(SESSIONS, 1000 / PACE_MS, VIEWERS);
    row(table, figure + "p50", service.amid, pipe.amid, 0.5);
    row(table, figure + "p99", service.amid, pipe.amid, 0.99);
    row(table, "the same while %d turns begin and end at once, p99".formatted(SESSIONS), service.atEnds, pipe.atEnds, 0.99);
  }

  private static void row(Table table, String figure, List<Double> service, List<Double> pipe, double q) {
    double through = Rounds.quantile(service, q);
    double alone = Rounds.quantile(pipe, q);
    table.row(figure, "%.2f ms".formatted(through), "a pipe %.2f ms".formatted(alone), "+%.2f ms".formatted(through - alone), "printed");
  }

  /** Milliseconds of deltas in the midst of a turn and at its ends. */
  private static final class Ages {
    private final List<Double> amid = Collections.synchronizedList(new ArrayList<>());
    private final List<Double> atEnds = Collections.synchronizedList(new ArrayList<>());

    void clear() {
      amid.clear();
      atEnds.clear();
    }

    /** One who takes the deltas of one agent, in order. */
    Consumer<String> reader() {
      AtomicInteger count = new AtomicInteger();
      return text -> {
        Instant now = Instant.now();
        long micros = now.getEpochSecond() * 1_000_000 + now.getNano() / 1000;
        for (String time : text.strip().split(" ")) {
          int place = count.getAndIncrement() % DELTAS;
          (place < AT_ENDS || place >= DELTAS - AT_ENDS ? atEnds : amid).add((micros - Long.parseLong(time)) / 1000.0);
        }
      };
    }
  }

  private static Ages service() throws Exception {
    Ages ages = new Ages();
    try (Service service = Service.start(List.of("-Xmx1g"), Map.of("AGENT_RUNTIME_STORE_URL", "sqlite:bench.db"));
        Viewers viewers = new Viewers()) {
      List<String> sessions = new ArrayList<>();
      for (int i = 0; i < SESSIONS; i++) {
        sessions.add(service.createSession());
        service.converse(sessions.getLast(), "say hello");
        for (int viewer = 0; viewer < VIEWERS; viewer++) {
          Consumer<String> reader = ages.reader();
          viewers.open(service.port(), Service.join(sessions.getLast()), json -> {
            String text = new String(json, StandardCharsets.UTF_8);
            if (text.startsWith("{\"event\":\"session:block:delta\"")) {
              reader.accept(PipedAgent.between(text, "\"delta\":\""));
            }
          });
        }
      }
      for (int round = 0; round < ROUNDS; round++) {
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

  private static Ages pipe() throws Exception {
    Ages ages = new Ages();
    AtomicInteger ended = new AtomicInteger();
    List<PipedAgent> agents = new ArrayList<>();
    try {
      for (int i = 0; i < SESSIONS; i++) {
        Consumer<String> reader = ages.reader();
        agents.add(new PipedAgent(line -> {
          String text = PipedAgent.delta(line);
          if (text != null && Character.isDigit(text.charAt(0))) {
            reader.accept(text);
          } else if (PipedAgent.endsTurn(line)) {
            ended.incrementAndGet();
          }
        }));
        agents.getLast().say("say hello");
        int started = i + 1;
        FanoutBench.await(() -> ended.get() >= started);
      }
      for (int round = 0; round < ROUNDS; round++) {
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
