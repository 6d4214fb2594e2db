package dev.agentruntime.support.modal;

import com.google.protobuf.Message;
import dev.agentruntime.sandbox.modal.ModalRpc;
import io.vertx.core.MultiMap;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;

/** Which calls came, and what the next ones are to meet. Safe for any thread. */
final class CallLog {

  /** Beyond this many only the numbers are kept. */
  private static final int MOST_RECORDED = 20_000;

  private final List<RecordedCall> recorded = new ArrayList<>();
  private final Map<String, Integer> counts = new TreeMap<>();
  private final Map<String, Queue<Fault>> faults = new HashMap<>();
  private Duration latency = Duration.ZERO;

  synchronized void came(ModalRpc<?, ?> rpc, MultiMap headers, Message question) {
    counts.merge(rpc.name(), 1, Integer::sum);
    if (recorded.size() < MOST_RECORDED) {
      recorded.add(new RecordedCall(rpc.name(), headers, question, System.nanoTime()));
    }
  }

  synchronized Fault nextFault(ModalRpc<?, ?> rpc) {
    Queue<Fault> queue = faults.get(rpc.name());
    Fault next = queue == null ? null : queue.poll();
    return next != null || latency.isZero() ? next : new Fault.Delay(latency);
  }

  synchronized void meet(ModalRpc<?, ?> rpc, int times, Fault fault) {
    Queue<Fault> queue = faults.computeIfAbsent(rpc.name(), name -> new ArrayDeque<>());
    for (int i = 0; i < times; i++) {
      queue.add(fault);
    }
  }

  synchronized void latency(Duration each) {
    latency = each;
  }

  synchronized void clearFaults() {
    faults.clear();
    latency = Duration.ZERO;
  }

  synchronized List<RecordedCall> recorded() {
    return List.copyOf(recorded);
  }

  synchronized Map<String, Integer> counts() {
    return new TreeMap<>(counts);
  }

  synchronized void forget() {
    counts.clear();
    recorded.clear();
  }
}
